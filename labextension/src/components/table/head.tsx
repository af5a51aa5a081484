import * as React from 'react';

import { IColumn } from './types';

/** Pixels by which a key makes a column wider. */
const NUDGE = 16;
export const NARROWEST = 48;

export interface IHeadProps<T> {
  id: string;
  columns: readonly IColumn<T>[];
  boxes: boolean;
  width: number;
  order: string | null;
  /** All, some or none of the rows are selected. */
  chosen: 'all' | 'some' | 'none';
  chooseLabel: string;
  current: number | null;
  onOrder(column: string): void;
  onChooseAll(): void;
  onResize(column: string, width: number): void;
}

/** The head: sorts on a click, and makes a column wider by its edge. */
export function Head<T>(props: IHeadProps<T>): JSX.Element {
  const { id, columns, boxes, order, current } = props;
  const shift = boxes ? 2 : 1;
  const at = (column: number) => (current === column ? ' aml-mod-current' : '');
  return (
    <div className="aml-Grid-head" role="row" aria-rowindex={1} style={{ width: props.width }}>
      {boxes && (
        <div className={`aml-Grid-cell aml-mod-box${at(-1)}`} role="columnheader" aria-colindex={1} id={`${id}-h-b`}>
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label={props.chooseLabel}
            title={props.chooseLabel}
            checked={props.chosen === 'all'}
            ref={node => {
              if (node) {
                node.indeterminate = props.chosen === 'some';
              }
            }}
            onChange={() => props.onChooseAll()}
          />
        </div>
      )}
      {columns.map((column, place) => {
        const sorted = order === column.id ? 'ascending' : order === `-${column.id}` ? 'descending' : 'none';
        return (
          <div
            key={column.id}
            id={`${id}-h-${place}`}
            className={`aml-Grid-cell${column.numeric ? ' aml-mod-numeric' : ''}${at(place)}${place === 0 ? ' aml-mod-first' : ''}`}
            role="columnheader"
            aria-colindex={place + shift}
            aria-sort={column.sortable ? sorted : undefined}
            style={{ width: column.width }}
            title={column.title ?? column.label}
            onClick={() => column.sortable && props.onOrder(column.id)}
          >
            <span className="aml-Grid-label">{column.label}</span>
            {sorted !== 'none' && (
              <svg className="aml-Grid-arrow" viewBox="0 0 8 8" aria-hidden="true">
                <path d={sorted === 'ascending' ? 'M4 1l3 5H1z' : 'M4 7l3-5H1z'} />
              </svg>
            )}
            <span
              className="aml-Grid-edge"
              onClick={event => event.stopPropagation()}
              onPointerDown={event => drag(event, column.width, width => props.onResize(column.id, width))}
            />
          </div>
        );
      })}
    </div>
  );
}

/** A key pressed on a head's cell: wider or narrower; null when it is another key. */
export function nudged(key: string, width: number): number | null {
  if (key !== 'ArrowLeft' && key !== 'ArrowRight') {
    return null;
  }
  return Math.max(NARROWEST, width + (key === 'ArrowRight' ? NUDGE : -NUDGE));
}

function drag(event: React.PointerEvent<HTMLElement>, width: number, resize: (width: number) => void): void {
  event.preventDefault();
  event.stopPropagation();
  const edge = event.currentTarget;
  const from = event.clientX;
  edge.setPointerCapture(event.pointerId);
  const move = (moved: PointerEvent) => resize(Math.max(NARROWEST, Math.round(width + moved.clientX - from)));
  const stop = () => {
    edge.removeEventListener('pointermove', move);
    edge.removeEventListener('pointerup', stop);
    edge.removeEventListener('pointercancel', stop);
  };
  edge.addEventListener('pointermove', move);
  edge.addEventListener('pointerup', stop);
  edge.addEventListener('pointercancel', stop);
}
