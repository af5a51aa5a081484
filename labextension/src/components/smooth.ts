/**
 * An exponential moving average, freed of the bias of its start. Gaps stay gaps and count for nothing.
 *
 * @param values - A line's values; null is a gap.
 * @param weight - 0 (as it is) to nearly 1 (hardly moves).
 */
export function smoothed(values: readonly (number | null)[], weight: number): (number | null)[] {
  if (weight <= 0) {
    return [...values];
  }
  let mean = 0;
  let seen = 0;
  return values.map(value => {
    if (value === null) {
      return null;
    }
    mean = mean * weight + (1 - weight) * value;
    seen++;
    return mean / (1 - Math.pow(weight, seen));
  });
}
