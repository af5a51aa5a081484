import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { ISource } from '../../components/table';
import { Changes, IRowsQuery, IWorkspaceClient } from '../../tokens';
import { AWAY, IExperiment, IField, IRow, archiving, ended } from '../../wire';
import { BASIC, defaultColumns } from './fields';
import { GroupedRows, Item } from './groups';
import { PagedRows } from './rows';
import { FIRST_VIEW, IView, IViewStore, Views, readView } from './view';

/** Milliseconds that changes are gathered before rows are loaded anew; and before what costs more is. */
const GATHER = 400;
const SLOWLY = 2500;
const TYPING = 300;
/** Rows from the top that are put in order anew by themselves. */
const ORDERED = 1000;
/** Orders that a run keeps from its beginning. */
const STEADY = new Set(['created', 'number', 'id']);

/** What edits a run's row. */
export interface IEdit {
  name?: string;
  description?: string;
  set_tags?: Record<string, string>;
  drop_tags?: string[];
}

/** What could not be done to some of several runs. */
export interface IOutcome {
  done: number;
  failed: { name: string; error: Error }[];
}

/** An experiment's runs as its page shows them. No DOM. */
export class ExperimentModel implements IDisposable {
  constructor(
    readonly client: IWorkspaceClient,
    readonly name: string,
    private readonly _store: IViewStore
  ) {
    this._views = { ..._store.load(name) };
    this._view = readView(this._views['']);
    this._list = new PagedRows(client, {}, () => undefined);
    client.changed.connect(this._onChanges, this);
    client.connectionChanged.connect(this._onConnection, this);
    this._restart();
    void this._loadAbout();
    void this._loadFields();
  }

  experiment: IExperiment | null = null;
  /** Names that its runs use, the most frequent first. */
  fields: IField[] = [];
  fieldsLoaded = false;
  /** Names beyond those, when there are too many to list. */
  moreFields = 0;
  gone = false;
  selected: ReadonlySet<string> = new Set();
  /** Whether runs have come or changed places below what is put in order by itself. */
  stale = false;
  /** Grows whenever rows did change. */
  version = 0;
  /** Grows, less often, when charts are to be drawn anew. */
  drawn = 0;

  get stateChanged(): ISignal<this, void> {
    return this._stateChanged;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  get connected(): boolean {
    return this.client.connected;
  }

  get view(): IView {
    return this._view;
  }

  /** Names of the saved views. */
  get viewNames(): string[] {
    return Object.keys(this._views)
      .filter(name => name !== '')
      .sort((a, b) => a.localeCompare(b));
  }

  /** Ids of the columns that are shown. */
  get columns(): string[] {
    return this._view.columns ?? defaultColumns(this.fields);
  }

  get source(): ISource<Item> {
    if (this._groups) {
      return this._groups;
    }
    const list = this._list;
    const { rows, open } = list;
    // As far as nothing is filtered, it is known how many there are.
    const total = this.unfiltered ? (this.experiment?.run_count ?? 0) : 0;
    return {
      count: open ? Math.max(rows.length + (list.loaded ? 30 : 0), total) : rows.length,
      open: open && total === 0,
      at: index => rows[index]
    };
  }

  get groups(): GroupedRows | null {
    return this._groups;
  }

  get unfiltered(): boolean {
    const { text, filter, everywhere, archived } = this._view;
    return !text.trim() && !filter.trim() && !everywhere && !archived;
  }

  get loaded(): boolean {
    return this._groups ? this._groups.loaded : this._list.loaded || this._list.error !== null;
  }

  get error(): Error | null {
    return this._groups?.error ?? this._lists.find(list => list.error)?.error ?? null;
  }

  /** How far it has to load, while it does; 0 when it does not. */
  get loading(): { have: number; wanted: number } | null {
    const wanted = this._groups ? 0 : this._list.wanted;
    return wanted > this._list.rows.length + 300 ? { have: this._list.rows.length, wanted } : null;
  }

  /** Rows that are loaded. */
  get rows(): IRow[] {
    return this._groups ? this._lists.flatMap(list => list.rows) : this._list.rows;
  }

  get running(): boolean {
    return this._lists.some(list => list.running);
  }

  /** Those of the selected runs whose rows are loaded. */
  get selectedRows(): IRow[] {
    return this.selected.size === 0 ? [] : this.rows.filter(row => this.selected.has(row.id));
  }

  /** Numbers that charts can be drawn of. */
  get metrics(): string[] {
    return this.fields.filter(one => one.field.startsWith('metrics.') && one.numeric).map(one => one.field.slice(8));
  }

  get metric(): string {
    return this._view.metric || this.metrics.find(name => !name.startsWith('system/')) || this.metrics[0] || '';
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    clearTimeout(this._timer);
    clearTimeout(this._slowTimer);
    clearTimeout(this._typing);
    clearTimeout(this._saving);
    this.client.changed.disconnect(this._onChanges, this);
    this.client.connectionChanged.disconnect(this._onConnection, this);
    this._list.dispose();
    this._groups?.dispose();
    Signal.clearData(this);
  }

  /** Look at them in another way. What is typed is waited for a moment. */
  change(given: Partial<IView>): void {
    const before = this._view;
    this._view = { ...before, ...given };
    const asks = (['text', 'filter', 'order', 'group', 'everywhere', 'archived'] as const).some(
      key => before[key] !== this._view[key]
    );
    const shows = this._view.columns !== before.columns;
    if (asks || shows) {
      clearTimeout(this._typing);
      const typed = 'text' in given || 'filter' in given;
      if (typed) {
        this._typing = window.setTimeout(() => this._restart(), TYPING);
      } else {
        this._restart();
      }
    }
    clearTimeout(this._saving);
    this._saving = window.setTimeout(() => void this._keep(''), 1000);
    this._emit();
  }

  /** Sort by a column: downwards first, upwards the second time. */
  sort(column: string): void {
    const { order } = this._view;
    this.change({ order: order === `-${column}` ? column : `-${column}` });
  }

  async saveView(name: string): Promise<void> {
    await this._keep(name);
    this._emit();
  }

  showView(name: string): void {
    this.change(name === '' ? { ...FIRST_VIEW } : readView(this._views[name]));
  }

  async removeView(name: string): Promise<void> {
    delete this._views[name];
    await this._store.save(this.name, this._views);
    this._emit();
  }

  select(ids: ReadonlySet<string>): void {
    this.selected = ids;
    this._emit();
  }

  /** These rows are seen. */
  want(start: number, stop: number): void {
    this._seen = stop;
    if (this._groups) {
      this._groups.want(start, stop);
    } else {
      this._list.want(stop);
    }
  }

  /** Load everything anew, in order. */
  async refresh(): Promise<void> {
    this.stale = false;
    await Promise.all([
      this._loadAbout(),
      this._loadFields(),
      this._groups?.refresh(),
      ...this._lists.map(list => (list.error && !list.loaded ? list.retry() : list.refresh(this._seen)))
    ]);
    this.drawn++;
    this._emit();
  }

  /** Change a run: shown at once, and taken back when the server refuses. */
  async edit(row: IRow, edit: IEdit): Promise<void> {
    const tags = { ...row.tags, ...edit.set_tags };
    edit.drop_tags?.forEach(tag => delete tags[tag]);
    const values = { ...row.values };
    for (const field of Object.keys(values).concat(Object.keys(edit.set_tags ?? {}).map(tag => `tags.${tag}`))) {
      if (field.startsWith('tags.')) {
        values[field] = tags[field.slice(5)];
      }
    }
    this._put({
      ...row,
      name: edit.name ?? row.name,
      description: edit.description ?? row.description,
      tags,
      values
    });
    try {
      await this.client.changeRun(row.id, edit);
    } catch (error) {
      this._put(row);
      throw error;
    }
  }

  async archive(archived: boolean): Promise<void> {
    this.experiment = await this.client.changeExperiment(this.name, { archived });
    this._emit();
  }

  /** Put runs away, or take them back. */
  putAway(rows: readonly IRow[], away: boolean): Promise<IOutcome> {
    return this._each(rows, async row => {
      await this.client.changeRun(row.id, archiving(away));
      if (away !== this._view.archived) {
        this._drop(new Set([row.id]));
      }
    });
  }

  remove(rows: readonly IRow[]): Promise<IOutcome> {
    return this._each(rows, async row => {
      await this.client.deleteRun(row.id);
      this._gone(new Set([row.id]));
    });
  }

  cancel(rows: readonly IRow[]): Promise<IOutcome> {
    return this._each(
      rows.filter(row => !ended(row)),
      async row => {
        const { status } = await this.client.cancelRun(row.id);
        this._put({ ...row, status });
      }
    );
  }

  /** Where all runs that are meant are as a CSV file. */
  get exportUrl(): string {
    return this.client.rowsUrl(this._query());
  }

  /** What is asked of the server. */
  query(fields: string[]): IRowsQuery {
    return { ...this._query(), field: fields };
  }

  private _query(): IRowsQuery {
    const { text, filter, order, everywhere, archived } = this._view;
    return {
      experiment: this.name,
      everywhere,
      text: text.trim(),
      filter: [...(filter.trim() ? [filter.trim()] : []), archived ? AWAY.yes : AWAY.no],
      order,
      field: this.columns.filter(id => id.includes('.'))
    };
  }

  private get _lists(): PagedRows[] {
    return this._groups ? this._groups.lists : [this._list];
  }

  /** The rows of another query, from the beginning; those that are shown stay until the first of them are there. */
  private _restart(): void {
    this._list.dispose();
    this._groups?.dispose();
    const query = this._query();
    const old = this._list.rows;
    const changed = () => {
      this.version++;
      this._emit();
    };
    this._list = new PagedRows(this.client, query, changed);
    this._groups = null;
    this.stale = false;
    this.drawn++;
    if (this._view.group) {
      this._groups = new GroupedRows(this.client, query, this._view.group, changed);
      void this._groups.refresh();
    } else {
      this._list.rows = old;
      void this._list.refresh(0);
    }
    this._emit();
  }

  private async _each(rows: readonly IRow[], act: (row: IRow) => Promise<void>): Promise<IOutcome> {
    const outcome: IOutcome = { done: 0, failed: [] };
    for (const row of rows) {
      try {
        await act(row);
        outcome.done++;
      } catch (error) {
        if ((error as { status?: number }).status === 404) {
          this._gone(new Set([row.id])); // somebody else was faster
          outcome.done++;
        } else {
          outcome.failed.push({ name: row.name || row.id, error: error as Error });
        }
      }
    }
    return outcome;
  }

  private _put(row: IRow): void {
    this._lists.forEach(list => list.put(row));
    this.version++;
    this._emit();
  }

  private _drop(ids: ReadonlySet<string>): void {
    this._lists.forEach(list => list.drop(ids));
    if ([...ids].some(id => this.selected.has(id))) {
      this.selected = new Set([...this.selected].filter(id => !ids.has(id)));
    }
    this.version++;
    this._emit();
  }

  /** Runs were deleted. */
  private _gone(ids: ReadonlySet<string>): void {
    if (this.experiment) {
      this.experiment = { ...this.experiment, run_count: Math.max(0, this.experiment.run_count - ids.size) };
    }
    this._drop(ids);
  }

  private async _loadAbout(): Promise<void> {
    try {
      this.experiment = await this.client.experiment(this.name);
      this.gone = false;
    } catch (error) {
      if ((error as { status?: number }).status !== 404) {
        return; // the rows' own error says what is wrong
      }
      this.experiment = null;
      this.gone = true;
    }
    this._emit();
  }

  private async _loadFields(): Promise<void> {
    const before = this.columns.join();
    try {
      const found = await this.client.fields({ experiment: this.name, everywhere: this._view.everywhere });
      this.fields = found.fields;
      this.moreFields = Math.max(0, found.total - found.fields.length);
    } catch {
      // names are a help; the rows' own error says what is wrong
    }
    this.fieldsLoaded = true;
    if (!this._isDisposed && this.columns.join() !== before) {
      this._restart();
    }
    this._emit();
  }

  private _onConnection(_: IWorkspaceClient, connected: boolean): void {
    if (connected) {
      void this.refresh();
    }
    this._emit();
  }

  private _onChanges(_: IWorkspaceClient, changes: Changes): void {
    if (changes === null) {
      void this.refresh();
      return;
    }
    const mine = changes.filter(change => change.experiment === this.name || change.id === this.name);
    if (mine.length === 0) {
      return;
    }
    const removed = new Set(mine.filter(one => one.noun === 'run' && one.verb === 'deleted').map(one => one.id));
    if (this.rows.some(row => removed.has(row.id))) {
      this._gone(removed);
    }
    for (const change of mine) {
      if (change.noun === 'run' && change.verb !== 'deleted') {
        this._changed.add(change.id);
        this._born ||= change.verb === 'created';
      }
    }
    this._timer ||= window.setTimeout(() => this._catchUp(), GATHER);
    this._slowTimer ||= window.setTimeout(() => this._catchUpSlowly(), SLOWLY);
  }

  /** Rows that changed are loaded anew; the order too, as far as the top of it is seen. */
  private _catchUp(): void {
    this._timer = 0;
    const ids = this._changed;
    this._changed = new Set();
    const moves = this._born || !STEADY.has(this._view.order.replace('-', '')) || this._view.filter.trim() !== '';
    this._born = false;
    for (const list of this._lists) {
      if (moves && this._seen <= ORDERED) {
        void list.refresh(this._seen);
      } else {
        this.stale ||= moves;
        void list.patch(ids);
      }
    }
  }

  private _catchUpSlowly(): void {
    this._slowTimer = 0;
    this.drawn++;
    void this._loadAbout();
    void this._loadFields();
    void this._groups?.refresh();
    this._emit();
  }

  private async _keep(name: string): Promise<void> {
    // What is typed at the moment is no part of how one likes to look at them.
    this._views[name] = name === '' ? { ...this._view, text: '', filter: '' } : { ...this._view };
    await this._store.save(this.name, this._views).catch(() => undefined);
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this._stateChanged.emit();
    }
  }

  private _view: IView;
  private _views: Views;
  private _list: PagedRows;
  private _groups: GroupedRows | null = null;
  private _changed = new Set<string>();
  private _born = false;
  private _seen = 0;
  private _timer = 0;
  private _slowTimer = 0;
  private _typing = 0;
  private _saving = 0;
  private _isDisposed = false;
  private readonly _stateChanged = new Signal<this, void>(this);
}

/** Whether runs can be sorted by a column. */
export function sortable(column: string): boolean {
  return column.includes('.') || column in BASIC;
}
