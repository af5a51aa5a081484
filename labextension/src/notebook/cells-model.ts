import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Changes, IWorkspaceClient } from '../tokens';
import { IRun, ended } from '../wire';
import { cells } from './api';

/** Milliseconds that changes are gathered before the server is asked. */
const GATHER = 400;
/** So many of the newest executions are asked for when something changed. */
const NEWEST = 30;

/** Which notebook is meant. */
export interface INotebookRef {
  /** Its path as the server has it. */
  path: string;
  /** The batch execution that it says it is the output of. */
  run: string;
}

/** What ran of one notebook's cells: by cell, the newest first. From the server, so that a reload loses nothing. No DOM. */
export class NotebookCells implements IDisposable {
  constructor(
    private readonly _client: IWorkspaceClient,
    private readonly _notebook: () => INotebookRef
  ) {
    _client.changed.connect(this._onChanges, this);
    _client.connectionChanged.connect(this._onConnection, this);
    void this.refresh();
  }

  /** Why there is nothing (new). */
  error: string | null = null;

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Whether a cell of the notebook executes. */
  get running(): boolean {
    return [...this._runs.values()].some(run => !ended(run));
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    clearTimeout(this._timer);
    this._client.changed.disconnect(this._onChanges, this);
    this._client.connectionChanged.disconnect(this._onConnection, this);
    Signal.clearData(this);
  }

  /** The executions of a cell, the newest first. */
  of(cell: string): readonly IRun[] {
    return this._byCell.get(cell) ?? [];
  }

  /** Ask for everything anew. */
  async refresh(): Promise<void> {
    await this._load(null);
  }

  private async _load(limit: number | null): Promise<void> {
    const asked = ++this._asked;
    try {
      const { path, run } = this._notebook();
      const found = await cells(this._client, path, { run, limit: limit ?? undefined });
      if (this._isDisposed || (limit === null && asked !== this._asked)) {
        return;
      }
      if (limit === null) {
        this._runs.clear();
      }
      found.forEach(one => this._runs.set(one.id, one));
      this._sort();
      this.error = null;
    } catch (error) {
      this.error = (error as Error).message;
    }
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private _sort(): void {
    this._byCell.clear();
    const sorted = [...this._runs.values()].sort((a, b) => b.created - a.created);
    for (const run of sorted) {
      const cell = String(run.details.cell_id ?? '');
      const known = this._byCell.get(cell);
      if (known) {
        known.push(run);
      } else {
        this._byCell.set(cell, [run]);
      }
    }
  }

  private _onConnection(_: IWorkspaceClient, connected: boolean): void {
    if (connected) {
      this._later(true);
    }
  }

  private _onChanges(_: IWorkspaceClient, changes: Changes): void {
    if (changes === null || changes.some(one => one.verb === 'deleted' && this._mine(one))) {
      this._later(true);
    } else if (changes.some(one => one.noun === 'run' && (one.verb === 'created' || this._mine(one)))) {
      this._later(false);
    }
  }

  private _mine(change: { id: string; root: string }): boolean {
    return this._runs.has(change.id) || [...this._runs.values()].some(run => run.parent === change.root);
  }

  private _later(all: boolean): void {
    this._all ||= all;
    if (!this._timer) {
      this._timer = window.setTimeout(() => {
        const everything = this._all;
        this._timer = 0;
        this._all = false;
        void this._load(everything ? null : NEWEST);
      }, GATHER);
    }
  }

  private _isDisposed = false;
  private _timer = 0;
  private _all = false;
  private _asked = 0;
  private readonly _runs = new Map<string, IRun>();
  private readonly _byCell = new Map<string, IRun[]>();
  private readonly _changed = new Signal<this, void>(this);
}

/** How a metric moved since the execution before, as +0.1; "" where that says nothing. */
export function delta(now: unknown, before: unknown): string {
  if (typeof now !== 'number' || typeof before !== 'number' || now === before) {
    return '';
  }
  const moved = Number((now - before).toPrecision(3));
  return moved > 0 ? `+${moved}` : `−${-moved}`;
}
