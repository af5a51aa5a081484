import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { createPortal } from 'react-dom';

import { Head, nudged } from './head';
import { drawnRows, moved, scrolledTo, tall } from './places';
import { IDrawing, Rows } from './rows';
import { IColumn, IPlace, ISource, ROW, cellId } from './types';

export * from './types';

const BOX = 32;
let tables = 0;

export interface ITableProps<T> {
  /** What screen readers call it. */
  label: string;
  columns: readonly IColumn<T>[];
  source: ISource<T>;
  /** Changes whenever a row of the source did. */
  version: unknown;
  /** A row's name; null for one that cannot be selected (a group's head). */
  keyOf(row: T): string | null;
  nameOf(row: T): string;
  /** Fills a row that has no cells: one without a name. */
  paintWhole?(node: HTMLElement, row: T): void;
  /** A column's id, `-` in front for descending. */
  order: string | null;
  onOrder(column: string): void;
  selected: ReadonlySet<string>;
  /** Without it, rows have no boxes. */
  onSelect?(selected: Set<string>): void;
  /** These rows are seen, and those around them: load them. */
  onRows(start: number, stop: number): void;
  onOpen(row: T): void;
  /** A context menu is asked for at a place of the window. */
  onMenu?(row: T, x: number, y: number): void;
  onResize?(column: string, width: number): void;
  /** What edits a cell; `close` is called when it is done. */
  editor?(row: T, column: IColumn<T>, close: () => void): React.ReactNode;
  /** Shown instead of rows when there are none. */
  empty?: React.ReactNode;
  trans: TranslationBundle;
}

/**
 * A table of any number of rows, of which those are drawn that are seen. The keyboard reaches every cell: arrows, page
 * keys, Home and End move; Enter opens, sorts or takes a group's head; F2 edits; Space selects, with Shift from the last
 * one on; Ctrl+A selects what is loaded; Shift with an arrow in the head makes a column wider.
 */
export function Table<T>(props: ITableProps<T>): JSX.Element {
  const { columns, source, selected, onSelect, trans } = props;
  const id = React.useMemo(() => `aml-grid-${++tables}`, []);
  const scroller = React.useRef<HTMLDivElement>(null);
  const body = React.useRef<HTMLDivElement>(null);
  const [height, setHeight] = React.useState(400);
  /** Whether it is scrolled to the right, so that the first columns have to stay. */
  const [aside, setAside] = React.useState(false);
  const [place, setPlace] = React.useState<IPlace>({ row: 0, column: 0 });
  const [editing, setEditing] = React.useState<{ key: string; column: string } | null>(null);
  const anchor = React.useRef<number | null>(null);
  const boxes = onSelect !== undefined;
  const count = source.count;
  const width = columns.reduce((sum, column) => sum + column.width, boxes ? BOX : 0);

  // Rows are drawn when something that they show has changed, and while it is scrolled: then without rendering this anew.
  const rows = React.useRef<Rows<T> | null>(null);
  const drawing = React.useRef<IDrawing<T> | null>(null);
  const drawn = React.useRef({ start: -1, stop: -1, version: undefined as unknown, hosted: 0, top: 0, direction: 1 });
  const [, fillHosts] = React.useReducer((n: number) => n + 1, 0);
  const onRows = React.useRef(props.onRows);
  onRows.current = props.onRows;
  const draw = (scrollTop: number, scrolls: boolean) => {
    if (!body.current || !drawing.current) {
      return;
    }
    rows.current ??= new Rows<T>(body.current, id);
    const before = drawn.current;
    const direction = Math.sign(scrollTop - before.top) || before.direction;
    const [start, stop] = drawnRows(scrollTop, height, count, direction);
    before.top = scrollTop;
    before.direction = direction;
    if (scrolls && start === before.start && stop === before.stop) {
      return;
    }
    rows.current.draw(drawing.current, start, stop);
    drawn.current = { ...before, start, stop, version: props.version, hosted: rows.current.hosted };
    if (before.hosted !== rows.current.hosted) {
      fillHosts();
    }
    if (before.start !== start || before.stop !== stop || before.version !== props.version) {
      onRows.current(start, stop);
    }
  };
  React.useLayoutEffect(() => {
    drawing.current = {
      columns,
      source,
      boxes,
      width,
      selected,
      place,
      editing,
      waiting: trans.__('Loading…'),
      keyOf: props.keyOf,
      selectLabel: row => trans.__('Select %1', props.nameOf(row)),
      paintWhole: props.paintWhole
    };
    draw(scroller.current?.scrollTop ?? 0, false);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- whatever was given anew may show in the rows
  }, [props, place, editing, height]);

  React.useEffect(() => {
    const node = scroller.current;
    if (!node) {
      return;
    }
    const observer = new ResizeObserver(() => setHeight(node.clientHeight - ROW));
    observer.observe(node);
    return () => observer.disconnect();
  }, []);

  const go = (to: IPlace) => {
    setPlace(to);
    const node = scroller.current;
    if (!node) {
      return;
    }
    if (to.row >= 0) {
      node.scrollTop = scrolledTo(to.row, node.scrollTop, node.clientHeight - ROW);
    }
    const sticky = (boxes ? BOX : 0) + (columns[0]?.width ?? 0);
    const left = columns.slice(0, Math.max(0, to.column)).reduce((sum, one) => sum + one.width, boxes ? BOX : 0);
    if (to.column > 0 && left - sticky < node.scrollLeft) {
      node.scrollLeft = left - sticky;
    } else if (to.column > 0 && left + columns[to.column].width > node.scrollLeft + node.clientWidth) {
      node.scrollLeft = left + columns[to.column].width - node.clientWidth;
    }
  };

  const loadedKeys = () => {
    const keys: string[] = [];
    for (let index = 0; index < count; index++) {
      const row = source.at(index);
      const key = row === undefined ? null : props.keyOf(row);
      if (key !== null) {
        keys.push(key);
      }
    }
    return keys;
  };

  const toggle = (index: number, range: boolean) => {
    const row = source.at(index);
    const key = row === undefined ? null : props.keyOf(row);
    if (!onSelect || key === null) {
      return;
    }
    const next = new Set(selected);
    if (range && anchor.current !== null) {
      const [from, to] = [Math.min(anchor.current, index), Math.max(anchor.current, index)];
      for (let at = from; at <= to; at++) {
        const one = source.at(at);
        const other = one === undefined ? null : props.keyOf(one);
        if (other !== null) {
          next.add(other);
        }
      }
    } else if (!next.delete(key)) {
      next.add(key);
    }
    anchor.current = index;
    onSelect(next);
  };

  const chooseAll = () => {
    const keys = loadedKeys();
    onSelect?.(keys.every(key => selected.has(key)) ? new Set() : new Set([...selected, ...keys]));
  };

  const edit = (row: T, column: number): boolean => {
    const key = props.keyOf(row);
    if (!props.editor || key === null || !columns[column]?.editable) {
      return false;
    }
    setEditing({ key, column: columns[column].id });
    return true;
  };

  const close = () => {
    setEditing(null);
    scroller.current?.focus();
  };

  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.target !== event.currentTarget) {
      return;
    }
    const control = event.ctrlKey || event.metaKey;
    const row = place.row >= 0 ? source.at(place.row) : undefined;
    const column = columns[place.column];
    if (place.row < 0 && event.shiftKey && column && props.onResize) {
      const wider = nudged(event.key, column.width);
      if (wider !== null) {
        event.preventDefault();
        props.onResize(column.id, wider);
        return;
      }
    }
    const size = {
      rows: count,
      columns: columns.length,
      page: Math.max(1, Math.floor(height / ROW) - 1),
      first: boxes ? -1 : 0
    };
    const to = moved(place, event.key, control, size);
    if (to) {
      if (event.shiftKey && to.row !== place.row && to.row >= 0 && anchor.current === null) {
        anchor.current = place.row;
      }
      go(to);
      if (event.shiftKey && to.row !== place.row && to.row >= 0) {
        const from = anchor.current;
        toggle(to.row, true);
        anchor.current = from;
      }
    } else if (event.key === ' ') {
      if (place.row < 0) {
        chooseAll();
      } else {
        toggle(place.row, event.shiftKey);
      }
    } else if (event.key === 'Enter') {
      if (place.row < 0) {
        if (column?.sortable) {
          props.onOrder(column.id);
        } else if (place.column < 0) {
          chooseAll();
        }
      } else if (row !== undefined) {
        props.onOpen(row);
      }
    } else if (event.key === 'F2' && row !== undefined) {
      edit(row, place.column);
    } else if (event.key === 'a' && control) {
      onSelect?.(new Set([...selected, ...loadedKeys()]));
    } else if (event.key === 'Escape' && selected.size > 0) {
      onSelect?.(new Set());
    } else if ((event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) && row !== undefined) {
      const cell = document.getElementById(cellId(id, place))?.getBoundingClientRect();
      props.onMenu?.(row, cell?.left ?? 0, cell?.bottom ?? 0);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  /** Which row and column something in the table belongs to. */
  const placeOf = (target: EventTarget): IPlace | null => {
    const node = target as HTMLElement;
    const index = node.closest<HTMLElement>('[data-index]')?.dataset.index;
    const column = node.closest<HTMLElement>('[data-column]')?.dataset.column;
    return index === undefined ? null : { row: Number(index), column: column === undefined ? -1 : Number(column) };
  };

  const onClick = (event: React.MouseEvent) => {
    const at = placeOf(event.target);
    if (!at || (event.target as HTMLElement).closest('.aml-mod-editing')) {
      return;
    }
    setPlace(at);
    const row = source.at(at.row);
    if (row !== undefined && props.keyOf(row) === null) {
      props.onOpen(row);
    } else if (at.column < 0 || event.ctrlKey || event.metaKey || event.shiftKey) {
      toggle(at.row, event.shiftKey);
    }
  };

  const onDoubleClick = (event: React.MouseEvent) => {
    const at = placeOf(event.target);
    const row = at ? source.at(at.row) : undefined;
    if (at && row !== undefined && at.column >= 0 && props.keyOf(row) !== null && !editing) {
      if (!edit(row, at.column)) {
        props.onOpen(row);
      }
    }
  };

  /** What a cell says is put onto it when it is pointed at: there are many cells, and few are. */
  const onMouseOver = (event: React.MouseEvent) => {
    const cell = (event.target as HTMLElement).closest<HTMLElement>('.aml-Grid-body [data-column]');
    const at = cell && placeOf(cell);
    const row = at ? source.at(at.row) : undefined;
    const hint = at && row !== undefined ? columns[at.column]?.hint?.(row) : undefined;
    if (cell && hint && cell.title !== hint && !cell.classList.contains('aml-mod-editing')) {
      cell.title = hint;
    }
  };

  const chosen = selected.size === 0 ? 'none' : selected.size >= count ? 'all' : 'some';
  return (
    <div
      className={`aml-Grid${aside ? ' aml-mod-aside' : ''}`}
      ref={scroller}
      role="grid"
      aria-label={props.label}
      aria-rowcount={source.open ? -1 : count + 1}
      aria-colcount={columns.length + (boxes ? 1 : 0)}
      aria-multiselectable={boxes}
      aria-activedescendant={count > 0 || place.row < 0 ? cellId(id, place, isWhole(props, place.row)) : undefined}
      tabIndex={0}
      onScroll={event => {
        const { scrollTop, scrollLeft } = event.currentTarget;
        setAside(scrollLeft > 0);
        draw(scrollTop, true);
      }}
      onMouseOver={onMouseOver}
      onKeyDown={onKeyDown}
      onClick={onClick}
      onDoubleClick={onDoubleClick}
      onContextMenu={event => {
        const at = placeOf(event.target);
        const row = at ? source.at(at.row) : undefined;
        if (at && row !== undefined && props.onMenu && props.keyOf(row) !== null && !event.shiftKey) {
          event.preventDefault();
          event.stopPropagation();
          setPlace(at);
          props.onMenu(row, event.clientX, event.clientY);
        }
      }}
    >
      <Head<T>
        id={id}
        columns={columns}
        boxes={boxes}
        width={width}
        order={props.order}
        chosen={chosen}
        chooseLabel={trans.__('Select all rows that are loaded')}
        current={place.row < 0 ? place.column : null}
        onOrder={props.onOrder}
        onChooseAll={chooseAll}
        onResize={(column, wide) => props.onResize?.(column, wide)}
      />
      <div className="aml-Grid-body" role="rowgroup" style={{ height: tall(count), width }} ref={body} />
      {rows.current?.hosts.map(({ key, node, row, column, edits }) =>
        createPortal(edits ? props.editor?.(row, column, close) : column.render?.(row), node, key)
      )}
      {count === 0 && props.empty !== undefined && (
        <div className="aml-Grid-empty" role="row">
          <div role="gridcell">{props.empty}</div>
        </div>
      )}
    </div>
  );
}

function isWhole<T>(props: ITableProps<T>, row: number): boolean {
  const held = row < 0 ? undefined : props.source.at(row);
  return held !== undefined && props.keyOf(held) === null;
}
