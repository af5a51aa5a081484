/**
 * What a time axis shows, in seconds: all of the (ascending) times. Those of one moment get a second on either side,
 * where uPlot would show years.
 */
export function timeSpan(times: ArrayLike<number>): [number, number] {
  const first = times[0] ?? 0;
  const last = times[times.length - 1] ?? first;
  const around = first === last ? 1 : 0;
  return [first - around, last + around];
}
