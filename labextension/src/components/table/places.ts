/** Where rows and the keyboard are: numbers alone, no DOM. */
import { IPlace, ROW } from './types';

/** Rows are drawn in steps of so many, so that most scrolling draws nothing. */
const STEP = 4;
/** Rows drawn beyond what is seen, on the side to which it is scrolled, and on the other one. */
const AHEAD = 16;
const BEHIND = 4;
/** Browsers place nothing reliably beyond this many pixels. */
const TALLEST = 15_000_000;

/** Pixels of the whole of the rows. */
export function tall(count: number): number {
  return Math.min(count * ROW, TALLEST);
}

/** Rows that are drawn: from, and up to (without). Negative `direction`: it is scrolled upwards. */
export function drawnRows(scrollTop: number, height: number, count: number, direction = 1): [number, number] {
  const first = Math.floor(Math.max(0, scrollTop) / ROW / STEP) * STEP;
  const seen = Math.ceil(height / ROW / STEP) * STEP;
  const [above, below] = direction < 0 ? [AHEAD, BEHIND] : [BEHIND, AHEAD];
  const start = Math.max(0, Math.min(first, count) - above);
  return [start, Math.min(count, first + seen + STEP + below)];
}

/** Where the table has to be scrolled so that a row is seen; the same number when it is. */
export function scrolledTo(row: number, scrollTop: number, height: number): number {
  const top = row * ROW;
  if (top < scrollTop) {
    return top;
  }
  return top + ROW > scrollTop + height ? top + ROW - height : scrollTop;
}

export interface IGridSize {
  rows: number;
  columns: number;
  /** Rows of a page. */
  page: number;
  /** The first column: -1 with boxes, 0 without. */
  first: number;
}

/** Where a key leads; null for a key that leads nowhere. */
export function moved(place: IPlace, key: string, control: boolean, size: IGridSize): IPlace | null {
  const { row, column } = place;
  const last = size.columns - 1;
  const rowAt = (wanted: number) => Math.max(-1, Math.min(size.rows - 1, wanted));
  switch (key) {
    case 'ArrowDown':
      return { row: rowAt(control ? size.rows - 1 : row + 1), column };
    case 'ArrowUp':
      return { row: control ? -1 : rowAt(row - 1), column };
    case 'ArrowRight':
      return { row, column: control ? last : Math.min(last, column + 1) };
    case 'ArrowLeft':
      return { row, column: control ? size.first : Math.max(size.first, column - 1) };
    case 'PageDown':
      return { row: rowAt(row + size.page), column };
    case 'PageUp':
      return { row: row < 0 ? -1 : Math.max(0, row - size.page), column };
    case 'Home':
      return control ? { row: Math.min(0, size.rows - 1), column: size.first } : { row, column: size.first };
    case 'End':
      return control ? { row: size.rows - 1, column: last } : { row, column: last };
    default:
      return null;
  }
}
