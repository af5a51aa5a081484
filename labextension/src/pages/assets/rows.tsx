import * as React from 'react';

import { IColumn, Table } from '../../components/table';
import { IThing, IThingTab } from './types';

const NONE: ReadonlySet<string> = new Set();

/** A column of a small table, with what it is sorted by. */
export interface ISorted<R> extends IColumn<R> {
  by?(row: R): number | string;
}

/** Rows that are all there, in the shared table: sorted by the columns that say by what. */
export function Rows<R>(props: {
  label: string;
  columns: readonly ISorted<R>[];
  rows: readonly R[];
  keyOf(row: R): string;
  order: string | null;
  empty: string;
  onOpen(row: R): void;
  /** Opens a row's menu at a place of the window. */
  onMenu?(row: R, x: number, y: number): void;
  tab: Pick<IThingTab<IThing>, 'trans'>;
}): JSX.Element {
  const { columns, rows } = props;
  const [order, setOrder] = React.useState(props.order);
  const [widths, setWidths] = React.useState<Record<string, number>>({});
  const id = order?.replace(/^-/, '');
  const by = columns.find(column => column.id === id)?.by;
  const sorted = React.useMemo(() => {
    if (!by) {
      return rows;
    }
    const sign = order?.startsWith('-') ? -1 : 1;
    return [...rows].sort((a, b) => {
      const [x, y] = [by(a), by(b)];
      return sign * (typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y)));
    });
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [rows, order]);
  return (
    <Table<R>
      label={props.label}
      columns={columns.map(column => ({
        ...column,
        sortable: column.by !== undefined,
        width: widths[column.id] ?? column.width
      }))}
      source={{ count: sorted.length, open: false, at: index => sorted[index] }}
      version={sorted}
      keyOf={props.keyOf}
      nameOf={props.keyOf}
      order={order}
      onOrder={column => setOrder(order === column ? `-${column}` : column)}
      selected={NONE}
      onRows={() => undefined}
      onOpen={props.onOpen}
      onMenu={props.onMenu}
      onResize={(column, width) => setWidths({ ...widths, [column]: width })}
      empty={props.empty}
      trans={props.tab.trans}
    />
  );
}
