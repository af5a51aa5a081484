/** Places on an axis. */
export interface ITick {
  at: number;
  label: string;
}

/** From the least to the most, with a little room; around a single value, something to see it in. */
export function extent(values: readonly number[]): [number, number] {
  let least = Infinity;
  let most = -Infinity;
  for (const value of values) {
    if (Number.isFinite(value)) {
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
  }
  if (least > most) {
    return [0, 1];
  }
  const room = least === most ? Math.abs(least) * 0.1 || 1 : (most - least) * 0.05;
  return [least - room, most + room];
}

/** Round numbers between two, about so many. */
export function ticks(least: number, most: number, count: number): ITick[] {
  const raw = (most - least) / Math.max(1, count);
  if (!(raw > 0) || !Number.isFinite(raw)) {
    return [];
  }
  const power = Math.pow(10, Math.floor(Math.log10(raw)));
  const step = [1, 2, 5, 10].map(one => one * power).find(one => one >= raw) ?? raw;
  const found: ITick[] = [];
  for (let place = Math.ceil(least / step); place * step <= most && found.length < 50; place++) {
    const at = place * step;
    found.push({ at, label: short(at) });
  }
  return found;
}

function short(value: number): string {
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(1) : String(Number(value.toPrecision(6)));
}
