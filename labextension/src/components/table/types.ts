import * as React from 'react';

/** A column of a table. */
export interface IColumn<T> {
  id: string;
  label: string;
  /** What is said on hover; the label without it. */
  title?: string;
  /** In pixels. */
  width: number;
  /** Right-aligned, with figures of equal width. */
  numeric?: boolean;
  sortable?: boolean;
  editable?: boolean;
  /** A cell's content; not asked for where there is `paint`. */
  render?(row: T): React.ReactNode;
  /**
   * Puts the content into the cell itself, for tables that are scrolled through fast: no component is made for it. The cell is
   * empty, or has what this function put there for another row.
   */
  paint?(cell: HTMLElement, row: T): void;
  /** What a cell says on hover. */
  hint?(row: T): string;
}

/** Rows that come in pages. */
export interface ISource<T> {
  /** How many there are, as far as is known. */
  readonly count: number;
  /** Whether there may be more. */
  readonly open: boolean;
  /** A row; undefined while it is not loaded. */
  at(index: number): T | undefined;
}

/** A place in a table: row -1 is the head, column -1 the boxes. */
export interface IPlace {
  row: number;
  column: number;
}

/** Height of a row in pixels: fixed, so that no row has to be measured. */
export const ROW = 28;

/** The id of the cell at a place; a row without cells has one for the whole of it. */
export function cellId(table: string, place: IPlace, whole = false): string {
  const row = place.row < 0 ? 'h' : String(place.row);
  return whole ? `${table}-${row}` : `${table}-${row}-${place.column < 0 ? 'b' : place.column}`;
}

/** Put text into an element that has nothing but text, if anything. */
export function paintText(node: HTMLElement, text: string): void {
  const held = node.firstChild as Text | null;
  if (!held) {
    node.append(text);
  } else if (held.data !== text) {
    held.data = text;
  }
}
