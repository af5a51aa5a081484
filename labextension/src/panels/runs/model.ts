import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Changes, IWorkspaceClient } from '../../tokens';
import { AWAY, IExperiment, IInfo, IRun, ended } from '../../wire';
import { RunList } from './list';

/** Milliseconds that changes are gathered before lists are loaded anew. */
const GATHER = 120;
const SEARCH_LIMIT = 100;

/** What the panel shows: experiments, and the lists of runs that are open. No DOM. */
export class RunsModel implements IDisposable {
  constructor(readonly client: IWorkspaceClient) {
    this._workspace = client.workspace;
    client.changed.connect(this._onChanges, this);
    client.connectionChanged.connect(this._onConnection, this);
    void this.refresh();
  }

  info: IInfo | null = null;
  experiments: IExperiment[] = [];
  archived = false;
  error: string | null = null;
  loaded = false;

  get stateChanged(): ISignal<this, void> {
    return this._stateChanged;
  }

  get connected(): boolean {
    return this.client.connected;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    clearTimeout(this._timer);
    this.client.changed.disconnect(this._onChanges, this);
    this.client.connectionChanged.disconnect(this._onConnection, this);
    Signal.clearData(this);
  }

  /** Whether a run that is shown has not ended (its duration grows). */
  get running(): boolean {
    return [...this._lists.values()].some(list => list.runs.some(run => !ended(run)));
  }

  get search(): string {
    return this._search;
  }

  set search(text: string) {
    if (text === this._search) {
      return;
    }
    this._search = text;
    this._lists.delete('search');
    if (text.trim()) {
      void this._list('search', { text: text.trim(), everywhere: true, limit: SEARCH_LIMIT }).refresh();
    }
    this._emit();
  }

  /** Experiments by their newest activity; those that fit what is searched for. */
  get shownExperiments(): IExperiment[] {
    const wanted = this._search.trim().toLowerCase();
    return this.experiments
      .filter(experiment => experiment.name.toLowerCase().includes(wanted))
      .sort((a, b) => (b.last_activity ?? b.created) - (a.last_activity ?? a.created));
  }

  get found(): RunList | null {
    return this._lists.get('search') ?? null;
  }

  /** The runs of an experiment, when it is open. */
  runsOf(experiment: string): RunList | null {
    return this._lists.get(`experiment ${experiment}`) ?? null;
  }

  /** The children of a run, when it is open. */
  childrenOf(run: string): RunList | null {
    return this._lists.get(`run ${run}`) ?? null;
  }

  toggleExperiment(name: string, open = this.runsOf(name) === null): void {
    this._toggle(`experiment ${name}`, open, { experiment: name, filter: [AWAY.no] });
  }

  toggleRun(run: IRun, open = this.childrenOf(run.id) === null): void {
    // Cells in the order in which they ran; what is nested otherwise newest first, as everywhere.
    const order = run.type === 'aml.session' || run.type === 'aml.notebook' ? 'created' : '-created';
    this._toggle(`run ${run.id}`, open, { parent: run.id, order });
  }

  showArchived(archived: boolean): void {
    this.archived = archived;
    this._emit();
    void this.refresh();
  }

  /** Put an experiment away, or take it back. */
  async archive(name: string, archived: boolean): Promise<void> {
    try {
      await this.client.changeExperiment(name, { archived });
      this.error = null;
    } catch (error) {
      this.error = (error as Error).message;
    }
    await this._refreshExperiments();
  }

  /** Load everything that is shown anew. */
  async refresh(): Promise<void> {
    await Promise.all([this._refreshExperiments(), ...[...this._lists.values()].map(list => list.refresh())]);
  }

  private async _refreshExperiments(): Promise<void> {
    try {
      this.info ??= await this.client.info();
      this.experiments = await this.client.experiments(this.archived);
      this.error = null;
      if (!this.loaded && this.experiments.length && !this.archived) {
        this.toggleExperiment(this.shownExperiments[0].name, true);
      }
    } catch (error) {
      this.error = (error as Error).message;
    }
    this.loaded = true;
    this._emit();
  }

  private _toggle(key: string, open: boolean, query: object): void {
    if (open) {
      void this._list(key, query).refresh();
    } else {
      this._lists.delete(key);
    }
    this._emit();
  }

  private _list(key: string, query: object): RunList {
    let list = this._lists.get(key);
    if (!list) {
      const made = (list = new RunList(this.client, query, () => {
        this._openRunning(made);
        this._emit();
      }));
      this._lists.set(key, list);
    }
    return list;
  }

  /** A notebook that runs is opened the first time that it is seen, so that its cells show as they come. */
  private _openRunning(list: RunList): void {
    const newest = list.runs[0];
    if (
      newest &&
      !ended(newest) &&
      newest.child_count > 0 &&
      newest.type !== 'aml.cell' &&
      !this._seen.has(newest.id)
    ) {
      this._seen.add(newest.id);
      if (list !== this.found) {
        this.toggleRun(newest, true);
      }
    }
  }

  private _onConnection(_: IWorkspaceClient, connected: boolean): void {
    if (connected && this.error) {
      void this.refresh();
    }
    this._emit();
  }

  private _onChanges(_: IWorkspaceClient, changes: Changes): void {
    if (changes === null) {
      this._begin();
      void this.refresh();
      return;
    }
    for (const change of changes) {
      if (change.noun === 'run') {
        this._stale.add(`experiment ${change.experiment}`);
        this._stale.add(`run ${change.root}`);
        const run = this._known(change.id);
        if (run?.parent) {
          this._stale.add(`run ${run.parent}`);
        } else if (!run) {
          // Born just now: below any of the open runs of its tree.
          this._openRuns(change.root).forEach(key => this._stale.add(key));
        }
        this._stale.add('search');
      }
      const counted = change.noun === 'run' && (change.verb === 'created' || change.verb === 'deleted');
      if (change.noun === 'experiment' || counted) {
        this._stale.add('experiments');
      }
    }
    clearTimeout(this._timer);
    this._timer = window.setTimeout(() => this._refreshStale(), GATHER);
  }

  /** Forget another workspace's things, when another one is shown now. */
  private _begin(): void {
    if (this.client.workspace !== this._workspace) {
      this._workspace = this.client.workspace;
      this.info = null;
      this.experiments = [];
      this.loaded = false;
      this._lists.clear();
      this._search = '';
    }
  }

  private _refreshStale(): void {
    if (this._stale.delete('experiments')) {
      const before = new Set(this.experiments.map(experiment => experiment.name));
      void this._refreshExperiments().then(() => {
        const born = this.experiments.filter(experiment => !before.has(experiment.name));
        if (born.length === 1 && !this.archived) {
          this.toggleExperiment(born[0].name, true); // what has just begun is what one wants to see
        }
      });
    }
    for (const key of this._stale) {
      void this._lists.get(key)?.refresh();
    }
    this._stale.clear();
  }

  private _known(id: string): IRun | undefined {
    for (const list of this._lists.values()) {
      const run = list.runs.find(one => one.id === id);
      if (run) {
        return run;
      }
    }
    return undefined;
  }

  private _openRuns(root: string): string[] {
    return [...this._lists.keys()].filter(key => {
      const run = key.startsWith('run ') ? this._known(key.slice(4)) : undefined;
      return run !== undefined && (run.root === root || run.id === root);
    });
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this._stateChanged.emit();
    }
  }

  private _search = '';
  private _workspace: string;
  private _timer = 0;
  private _isDisposed = false;
  private readonly _seen = new Set<string>();
  private readonly _stale = new Set<string>();
  private readonly _lists = new Map<string, RunList>();
  private readonly _stateChanged = new Signal<this, void>(this);
}
