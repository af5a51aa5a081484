import { IColumn, IPlace, ISource, ROW, cellId } from './types';

/** What rows are drawn from. */
export interface IDrawing<T> {
  columns: readonly IColumn<T>[];
  source: ISource<T>;
  boxes: boolean;
  /** Of the whole of the columns, in pixels. */
  width: number;
  selected: ReadonlySet<string>;
  /** Where the keyboard is. */
  place: IPlace;
  /** The cell that is edited. */
  editing: { key: string; column: string } | null;
  waiting: string;
  /** A row's name; null for one that has no cells. */
  keyOf(row: T): string | null;
  /** What its box is called. */
  selectLabel(row: T): string;
  /** Fills a row that has no cells. */
  paintWhole?(node: HTMLElement, row: T): void;
}

/** An element whose content is React's, and what that is of. */
export interface IHost<T> {
  key: string;
  node: HTMLElement;
  row: T;
  column: IColumn<T>;
  edits: boolean;
}

/** A row's elements: whose row they show changes while the table is scrolled. */
interface ISlot<T> {
  key: number;
  node: HTMLElement;
  box: HTMLElement | null;
  input: HTMLInputElement | null;
  cells: HTMLElement[];
  /** Elements in cells that React fills; they come and go, and only React touches what is in them. */
  hosts: (HTMLElement | null)[];
  /** The one element of a row without cells. */
  whole: HTMLElement | null;
  isWhole: boolean;
  index: number;
  /** null: nothing was drawn yet. */
  row: T | undefined | null;
  columns: readonly IColumn<T>[] | null;
  drawing: IDrawing<T> | null;
  /** What is said while the row is not loaded. What its cells have of another row is hidden then, and kept: that is cheap. */
  waiting: HTMLElement;
  selected: boolean;
  /** Where the keyboard is: the element that is marked. */
  marked: HTMLElement | null;
  editing: string | null;
}

/**
 * The rows of a table that are seen, as elements that are used again and again. They are written directly: at the speed at
 * which a table is scrolled through, a component for each cell would take several times as long as a frame has.
 */
export class Rows<T> {
  constructor(
    private readonly _body: HTMLElement,
    private readonly _id: string
  ) {}

  /** What React is to fill. */
  get hosts(): IHost<T>[] {
    const found: IHost<T>[] = [];
    for (const slot of this._slots.values()) {
      const { row, columns } = slot;
      if (row !== undefined && row !== null && columns) {
        slot.hosts.forEach((node, at) => {
          if (node) {
            const edits = slot.editing === columns[at].id;
            found.push({ key: `${slot.key} ${at}${edits ? ' edit' : ''}`, node, row, column: columns[at], edits });
          }
        });
      }
    }
    return found;
  }

  /** Grows whenever `hosts` changed. */
  hosted = 0;

  /** Draw the rows from `start` up to `stop` (without); of those that are there already, what is different. */
  draw(drawing: IDrawing<T>, start: number, stop: number): void {
    if (drawing !== this._drawing) {
      this._drawing = drawing;
      this._suit(drawing);
    }
    for (const [index, slot] of this._slots) {
      if (index < start || index >= stop) {
        this._slots.delete(index);
        this._spare.push(slot);
      }
    }
    for (let index = start; index < stop; index++) {
      let slot = this._slots.get(index);
      if (!slot) {
        slot = this._spare.pop() ?? this._made(drawing);
        this._slots.set(index, slot);
        move(slot, index);
        slot.drawing = null;
        if (!slot.node.isConnected) {
          this._body.append(slot.node);
        }
      }
      if (slot.drawing !== drawing) {
        slot.drawing = drawing;
        this._fill(slot, drawing);
        this._mark(slot, drawing);
      }
    }
    for (const slot of this._spare) {
      if (slot.row !== null) {
        this._empty(slot);
        slot.node.remove();
      }
    }
  }

  /** Keep the elements only as far as they are those of these columns. */
  private _suit(drawing: IDrawing<T>): void {
    const { columns, boxes, width } = drawing;
    const kinds = JSON.stringify([boxes, columns.map(one => [one.id, one.numeric, one.editable, !one.paint])]);
    if (kinds !== this._kinds) {
      this._kinds = kinds;
      this._clear();
    }
    const widths = `${width} ${columns.map(one => one.width).join()}`;
    if (widths !== this._widths) {
      this._widths = widths;
      this._spare = [];
      this._slots.forEach(slot => size(slot, drawing));
    }
  }

  private _clear(): void {
    this._slots.forEach(slot => this._empty(slot));
    this._slots.clear();
    this._spare = [];
    this._body.replaceChildren();
  }

  private _made(drawing: IDrawing<T>): ISlot<T> {
    const { columns, boxes } = drawing;
    const shift = boxes ? 2 : 1;
    const node = element('aml-Grid-row', 'row');
    const slot: ISlot<T> = {
      key: ++this._count,
      node,
      box: null,
      input: null,
      cells: [],
      hosts: columns.map(() => null),
      whole: null,
      isWhole: false,
      index: -1,
      row: null,
      columns: null,
      drawing: null,
      waiting: element('aml-Grid-waiting', 'gridcell'),
      selected: false,
      marked: null,
      editing: null
    };
    if (boxes) {
      slot.box = element('aml-Grid-cell aml-mod-box', 'gridcell');
      slot.box.setAttribute('aria-colindex', '1');
      slot.input = document.createElement('input');
      slot.input.type = 'checkbox';
      slot.input.tabIndex = -1;
      slot.box.append(slot.input);
      node.append(slot.box);
    }
    slot.cells = columns.map((column, at) => {
      const kind = `${column.numeric ? ' aml-mod-numeric' : ''}${at === 0 ? ' aml-mod-first' : ''}`;
      const cell = element(`aml-Grid-cell${kind}`, 'gridcell');
      cell.setAttribute('aria-colindex', String(at + shift));
      cell.setAttribute('aria-readonly', String(!column.editable));
      cell.dataset.column = String(at);
      return cell;
    });
    slot.waiting.textContent = drawing.waiting;
    slot.waiting.setAttribute('aria-colspan', String(columns.length + shift - 1));
    node.append(...slot.cells);
    size(slot, drawing);
    return slot;
  }

  /** Take everything out of a slot that will not be seen. */
  private _empty(slot: ISlot<T>): void {
    slot.cells.forEach((_, at) => this._unhost(slot, at));
    slot.cells.forEach(cell => cell.replaceChildren());
    wait(slot, false);
    slot.row = null;
    slot.editing = null;
    slot.columns = null;
  }

  private _fill(slot: ISlot<T>, drawing: IDrawing<T>): void {
    const { columns, source, selected, editing } = drawing;
    const row = source.at(slot.index);
    const key = row === undefined ? null : drawing.keyOf(row);
    const edited = editing !== null && editing.key === key ? editing.column : null;
    const same = slot.row === row && slot.columns === columns && slot.editing === edited;
    const isWhole = row !== undefined && key === null;
    if (isWhole !== slot.isWhole) {
      this._turn(slot, drawing, isWhole);
    }
    if (!same) {
      wait(slot, row === undefined);
      slot.row = row;
      slot.columns = columns;
      slot.editing = edited;
      if (row === undefined) {
        slot.cells.forEach((_, at) => this._unhost(slot, at));
      } else if (isWhole) {
        slot.whole?.removeAttribute('title');
        drawing.paintWhole?.(slot.whole as HTMLElement, row);
      } else {
        slot.input?.setAttribute('aria-label', drawing.selectLabel(row));
        columns.forEach((column, at) => this._paint(slot, column, at, row));
      }
    }
    const is = key !== null && selected.has(key);
    if (!same || is !== slot.selected) {
      slot.selected = is;
      slot.node.classList.toggle('aml-mod-selected', is);
      if (slot.input) {
        slot.input.checked = is;
      }
      if (key === null) {
        slot.node.removeAttribute('aria-selected');
      } else {
        slot.node.setAttribute('aria-selected', String(is));
      }
    }
  }

  private _paint(slot: ISlot<T>, column: IColumn<T>, at: number, row: T): void {
    const cell = slot.cells[at];
    const edits = slot.editing === column.id;
    if (cell.title) {
      cell.removeAttribute('title');
    }
    cell.classList.toggle('aml-mod-editing', edits);
    if (column.paint && !edits) {
      if (slot.hosts[at]) {
        this._unhost(slot, at);
        cell.replaceChildren();
      }
      column.paint(cell, row);
      return;
    }
    // An editor has an element of its own, so that it begins anew.
    if (!slot.hosts[at] || cell.dataset.edits !== String(edits)) {
      this._unhost(slot, at);
      const host = element('aml-Grid-host', 'presentation');
      cell.replaceChildren(host);
      cell.dataset.edits = String(edits);
      slot.hosts[at] = host;
    }
    this.hosted++;
  }

  private _unhost(slot: ISlot<T>, at: number): void {
    const host = slot.hosts[at];
    if (host) {
      host.remove();
      slot.hosts[at] = null;
      this.hosted++;
    }
  }

  /** Between a row of cells and one without. */
  private _turn(slot: ISlot<T>, drawing: IDrawing<T>, isWhole: boolean): void {
    slot.isWhole = isWhole;
    slot.node.classList.toggle('aml-mod-whole', isWhole);
    this._unmark(slot);
    if (isWhole) {
      slot.cells.forEach((_, at) => this._unhost(slot, at));
      slot.whole ??= element('aml-Grid-whole', 'gridcell');
      slot.whole.setAttribute('aria-colspan', String(drawing.columns.length + (drawing.boxes ? 1 : 0)));
      slot.node.replaceChildren(slot.whole);
    } else {
      slot.node.replaceChildren(...(slot.box ? [slot.box] : []), ...slot.cells);
      slot.columns = null;
    }
  }

  /** Mark the cell where the keyboard is. Only that one needs an id. */
  private _mark(slot: ISlot<T>, drawing: IDrawing<T>): void {
    const { place } = drawing;
    const cell = slot.isWhole
      ? slot.whole
      : slot.row === undefined
        ? slot.waiting
        : place.column < 0
          ? slot.box
          : (slot.cells[place.column] ?? null);
    const wanted = place.row === slot.index ? cell : null;
    if (wanted !== slot.marked) {
      this._unmark(slot);
      slot.marked = wanted;
      wanted?.classList.add('aml-mod-current');
    }
    if (wanted) {
      wanted.id = cellId(this._id, place, slot.isWhole);
    }
  }

  private _unmark(slot: ISlot<T>): void {
    slot.marked?.classList.remove('aml-mod-current');
    slot.marked?.removeAttribute('id');
    slot.marked = null;
  }

  private _drawing: IDrawing<T> | null = null;
  private _kinds = '';
  private _widths = '';
  private _count = 0;
  private _spare: ISlot<T>[] = [];
  private readonly _slots = new Map<number, ISlot<T>>();
}

function element(className: string, role: string): HTMLElement {
  const made = document.createElement('div');
  made.className = className;
  made.setAttribute('role', role);
  return made;
}

function wait<T>(slot: ISlot<T>, waits: boolean): void {
  if (waits && slot.row !== undefined) {
    slot.node.classList.add('aml-mod-waiting');
    slot.node.append(slot.waiting);
  } else if (!waits && slot.row === undefined) {
    slot.node.classList.remove('aml-mod-waiting');
    slot.waiting.remove();
  }
}

function move<T>(slot: ISlot<T>, index: number): void {
  slot.index = index;
  slot.node.style.transform = `translateY(${index * ROW}px)`;
  slot.node.setAttribute('aria-rowindex', String(index + 2));
  slot.node.dataset.index = String(index);
}

function size<T>(slot: ISlot<T>, drawing: IDrawing<T>): void {
  slot.node.style.width = `${drawing.width}px`;
  slot.cells.forEach((cell, at) => {
    cell.style.width = `${drawing.columns[at].width}px`;
  });
}
