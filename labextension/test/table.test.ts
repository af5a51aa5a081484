import { expect, it } from 'vitest';

import { extent, ticks } from '../src/components/scale';
import { smoothed } from '../src/components/smooth';
import { drawnRows, moved, scrolledTo } from '../src/components/table/places';
import { ROW } from '../src/components/table/types';

it('of 100,000 rows those are drawn that are seen, and few around them', () => {
  for (const top of [0, 1, 5_000 * ROW + 3, 99_990 * ROW]) {
    const [start, stop] = drawnRows(top, 600, 100_000);
    expect(start).toBeLessThanOrEqual(Math.floor(top / ROW));
    expect(stop).toBeGreaterThanOrEqual(Math.min(100_000, Math.ceil((top + 600) / ROW)));
    expect(stop - start).toBeLessThan(80);
  }
  expect(drawnRows(0, 600, 0)).toEqual([0, 0]);
});

it('scrolling a little draws nothing anew', () => {
  expect(drawnRows(10 * ROW, 600, 1000)).toEqual(drawnRows(10 * ROW + ROW, 600, 1000));
});

it('the keyboard reaches every cell and the head, and stops at the edges', () => {
  const size = { rows: 50, columns: 4, page: 10, first: -1 };
  const go = (row: number, column: number, key: string, control = false) => moved({ row, column }, key, control, size);
  expect(go(0, 0, 'ArrowUp')).toEqual({ row: -1, column: 0 });
  expect(go(-1, 0, 'ArrowUp')).toEqual({ row: -1, column: 0 });
  expect(go(-1, 2, 'ArrowDown')).toEqual({ row: 0, column: 2 });
  expect(go(49, 3, 'ArrowDown')).toEqual({ row: 49, column: 3 });
  expect(go(5, 0, 'ArrowLeft')).toEqual({ row: 5, column: -1 });
  expect(go(5, 3, 'ArrowRight')).toEqual({ row: 5, column: 3 });
  expect(go(5, 1, 'PageDown')).toEqual({ row: 15, column: 1 });
  expect(go(5, 1, 'PageUp')).toEqual({ row: 0, column: 1 });
  expect(go(5, 1, 'End', true)).toEqual({ row: 49, column: 3 });
  expect(go(5, 1, 'x')).toBeNull();
});

it('a row is scrolled to only when it is not seen', () => {
  expect(scrolledTo(5, 0, 10 * ROW)).toBe(0);
  expect(scrolledTo(20, 0, 10 * ROW)).toBe(11 * ROW);
  expect(scrolledTo(2, 5 * ROW, 10 * ROW)).toBe(2 * ROW);
});

it('smoothing keeps gaps and a constant', () => {
  expect(smoothed([1, null, 1, 1], 0.9).map(v => v && Number(v.toFixed(9)))).toEqual([1, null, 1, 1]);
  expect(smoothed([0, 10], 0)).toEqual([0, 10]);
  const [, second] = smoothed([0, 10], 0.5);
  expect(second).toBeCloseTo(20 / 3);
});

it('an axis of nothing, of one value and of many has places', () => {
  expect(extent([])).toEqual([0, 1]);
  expect(extent([NaN, Infinity])).toEqual([0, 1]);
  expect(extent([5])).toEqual([4.5, 5.5]);
  expect(ticks(0, 1, 4).map(tick => tick.label)).toEqual(['0', '0.5', '1']);
  expect(ticks(3, 3, 4)).toEqual([]);
});
