import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Changes, IWorkspaceClient } from '../../tokens';
import { IRun } from '../../wire';

/** Milliseconds that changes are gathered before runs are read anew. */
const GATHER = 500;
/** Runs that are compared at once. */
export const MOST = 50;

export type Tab = 'table' | 'charts' | 'parallel' | 'scatter' | 'source' | 'images';

/** Several runs beside each other. No DOM. */
export class CompareModel implements IDisposable {
  constructor(
    readonly client: IWorkspaceClient,
    ids: readonly string[]
  ) {
    this._ids = [...new Set(ids)].slice(0, MOST);
    client.changed.connect(this._onChanges, this);
    client.connectionChanged.connect(this._onConnection, this);
    void this.refresh();
  }

  /** In the order in which they were given; those that there are. */
  runs: IRun[] = [];
  /** Ids of runs that were deleted, or never were. */
  missing: string[] = [];
  error: Error | null = null;
  loaded = false;
  /** Grows whenever something of the runs changed. */
  version = 0;

  get ids(): readonly string[] {
    return this._ids;
  }

  get tab(): Tab {
    return this._tab;
  }

  set tab(tab: Tab) {
    this._tab = tab;
    this._emit();
  }

  get stateChanged(): ISignal<this, void> {
    return this._stateChanged;
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

  /** A run's place, by which it has its colour wherever it is shown. */
  place(run: { id: string }): number {
    return this._ids.indexOf(run.id);
  }

  /** Leave a run out. */
  remove(id: string): void {
    this._ids = this._ids.filter(one => one !== id);
    this.runs = this.runs.filter(run => run.id !== id);
    this.missing = this.missing.filter(one => one !== id);
    this.version++;
    this._emit();
  }

  /** Read these runs anew; all without ids. */
  async refresh(ids: readonly string[] = this._ids): Promise<void> {
    const known = new Map(this.runs.map(run => [run.id, run]));
    const missing = new Set(this.missing);
    let failed: Error | null = null;
    await Promise.all(
      ids.map(async id => {
        try {
          known.set(id, await this.client.run(id));
          missing.delete(id);
        } catch (error) {
          if ((error as { status?: number }).status === 404) {
            known.delete(id);
            missing.add(id);
          } else {
            failed = error as Error;
          }
        }
      })
    );
    this.error = failed;
    this.runs = this._ids.flatMap(id => known.get(id) ?? []);
    this.missing = this._ids.filter(id => missing.has(id));
    this.loaded = true;
    this.version++;
    this._emit();
  }

  private _onConnection(_: IWorkspaceClient, connected: boolean): void {
    if (connected && this.error) {
      void this.refresh();
    }
    this._emit();
  }

  private _onChanges(_: IWorkspaceClient, changes: Changes): void {
    if (changes === null) {
      void this.refresh();
      return;
    }
    for (const change of changes) {
      if (change.noun === 'run' && this._ids.includes(change.id)) {
        this._changed.add(change.id);
      }
    }
    if (this._changed.size > 0) {
      this._timer ||= window.setTimeout(() => {
        this._timer = 0;
        const ids = [...this._changed];
        this._changed.clear();
        void this.refresh(ids);
      }, GATHER);
    }
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this._stateChanged.emit();
    }
  }

  private _ids: string[];
  private _tab: Tab = 'table';
  private _timer = 0;
  private _isDisposed = false;
  private readonly _changed = new Set<string>();
  private readonly _stateChanged = new Signal<this, void>(this);
}
