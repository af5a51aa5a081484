import * as React from 'react';

import { IColumn, ROW } from './types';

export interface IRowProps<T> {
  id: string;
  index: number;
  row: T | undefined;
  columns: readonly IColumn<T>[];
  boxes: boolean;
  /** Of the whole of the columns, in pixels. */
  width: number;
  selected: boolean;
  selectLabel: string;
  /** The column where the keyboard is; null when it is in another row. */
  current: number | null;
  /** The column that is edited. */
  editing: string | null;
  editor: React.ReactNode;
  /** What takes the whole width instead of cells. */
  whole: React.ReactNode;
  waiting: string;
}

function RowView<T>(props: IRowProps<T>): JSX.Element {
  const { id, index, row, columns, boxes, current, whole } = props;
  const shift = boxes ? 2 : 1;
  const at = (column: number) => (current === column ? ' aml-mod-current' : '');
  return (
    <div
      className={`aml-Grid-row${props.selected ? ' aml-mod-selected' : ''}${whole ? ' aml-mod-whole' : ''}`}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={row === undefined || whole ? undefined : props.selected}
      data-index={index}
      style={{ transform: `translateY(${index * ROW}px)`, width: props.width }}
    >
      {whole ? (
        <div
          className={`aml-Grid-whole${current === null ? '' : ' aml-mod-current'}`}
          role="gridcell"
          aria-colspan={columns.length + shift - 1}
          id={`${id}-${index}`}
        >
          {whole}
        </div>
      ) : (
        <>
          {boxes && (
            <div
              className={`aml-Grid-cell aml-mod-box${at(-1)}`}
              role="gridcell"
              aria-colindex={1}
              id={`${id}-${index}-b`}
            >
              {row !== undefined && (
                <input type="checkbox" tabIndex={-1} aria-label={props.selectLabel} checked={props.selected} readOnly />
              )}
            </div>
          )}
          {columns.map((column, place) => (
            <div
              key={column.id}
              id={`${id}-${index}-${place}`}
              className={`aml-Grid-cell${column.numeric ? ' aml-mod-numeric' : ''}${at(place)}${place === 0 ? ' aml-mod-first' : ''}${props.editing === column.id ? ' aml-mod-editing' : ''}`}
              role="gridcell"
              aria-colindex={place + shift}
              aria-readonly={!column.editable}
              data-column={place}
              style={{ width: column.width }}
              title={row === undefined || props.editing === column.id ? undefined : column.hint?.(row)}
            >
              {row === undefined
                ? place === 0 && <span className="aml-Grid-waiting">{props.waiting}</span>
                : props.editing === column.id
                  ? props.editor
                  : column.render(row)}
            </div>
          ))}
        </>
      )}
    </div>
  );
}

/** A row of a table; drawn again only when something of its own changed. */
export const Row = React.memo(RowView) as typeof RowView;
