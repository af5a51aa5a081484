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
  render(row: T): React.ReactNode;
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
