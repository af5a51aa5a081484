import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Changes, IWorkspaceClient } from '../../tokens';
import { ARCHIVED, IRun, archiving, ended } from '../../wire';

/** Milliseconds that changes are gathered before the run is read anew, at least. */
const GATHER = 200;
/** A run that takes long to read (20,000 metrics) is read so many times its reading's duration apart. */
const SHARE = 4;
/** Milliseconds until a server that does not answer is asked again. */
const FIRST_RETRY = 2000;
const LONGEST_RETRY = 20_000;

export type Tab =
  | 'overview'
  | 'notebook'
  | 'metrics'
  | 'images'
  | 'files'
  | 'source'
  | 'changes'
  | 'log'
  | 'search'
  | 'children'
  | 'things'
  | 'details';

/** One run as its page shows it. No DOM. */
export class RunModel implements IDisposable {
  constructor(
    readonly client: IWorkspaceClient,
    readonly id: string
  ) {
    client.changed.connect(this._onChanges, this);
    client.connectionChanged.connect(this._onConnection, this);
    void this.refresh();
  }

  run: IRun | null = null;
  /** Why the run as it is now is not shown, or what was asked for not done. */
  error: Error | null = null;
  deleted = false;
  /** Grows whenever something of the run changed: what tabs have loaded is then old. */
  version = 0;

  get stateChanged(): ISignal<this, void> {
    return this._stateChanged;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  get live(): boolean {
    return this.run !== null && !ended(this.run) && !this.deleted;
  }

  /** Whether changes arrive as they happen. */
  get connected(): boolean {
    return this.client.connected;
  }

  get tab(): Tab {
    return this._tab;
  }

  set tab(tab: Tab) {
    this._tab = tab;
    this._stateChanged.emit();
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    clearTimeout(this._timer);
    clearTimeout(this._retry);
    this.client.changed.disconnect(this._onChanges, this);
    this.client.connectionChanged.disconnect(this._onConnection, this);
    Signal.clearData(this);
  }

  async refresh(): Promise<void> {
    const began = performance.now();
    await this._take(() => this.client.run(this.id));
    this._pause = Math.max(GATHER, SHARE * (performance.now() - began));
  }

  async rename(name: string): Promise<void> {
    await this._take(() => this.client.changeRun(this.id, { name }));
  }

  async describe(description: string): Promise<void> {
    await this._take(() => this.client.changeRun(this.id, { description }));
  }

  async tag(set_tags: Record<string, string>, drop_tags: string[]): Promise<void> {
    await this._take(() => this.client.changeRun(this.id, { set_tags, drop_tags }));
  }

  get archived(): boolean {
    return this.run !== null && ARCHIVED in this.run.tags;
  }

  /** Put the run away, or take it back. */
  async archive(archived: boolean): Promise<void> {
    await this._take(() => this.client.changeRun(this.id, archiving(archived)));
  }

  async cancel(): Promise<void> {
    await this._take(async () => {
      await this.client.cancelRun(this.id);
      return this.client.run(this.id);
    });
  }

  /** Delete the run for good; whether that was done. */
  async delete(): Promise<boolean> {
    await this._take(async () => {
      await this.client.deleteRun(this.id);
      this.deleted = true;
      return this.run as IRun;
    });
    return this.deleted;
  }

  private async _take(ask: () => Promise<IRun>): Promise<void> {
    clearTimeout(this._retry);
    try {
      this.run = await ask();
      this.error = null;
      this._wait = FIRST_RETRY;
    } catch (error) {
      const status = (error as { status?: number }).status;
      this.error = error as Error;
      this.deleted ||= status === 404;
      if (!this._isDisposed && (status === undefined || status >= 500)) {
        this._retry = window.setTimeout(() => void this.refresh(), this._wait);
        this._wait = Math.min(LONGEST_RETRY, this._wait * 2);
      }
    }
    if (!this._isDisposed) {
      this.version++;
      this._stateChanged.emit();
    }
  }

  private _onConnection(_: IWorkspaceClient, connected: boolean): void {
    if (connected && !this.deleted) {
      void this.refresh();
    } else {
      this._stateChanged.emit();
    }
  }

  private _onChanges(_: IWorkspaceClient, changes: Changes): void {
    const mine =
      changes === null ||
      changes.some(change => change.noun === 'run' && (change.id === this.id || change.root === this._root));
    if (mine && !this._timer && !this.deleted) {
      this._timer = window.setTimeout(() => {
        this._timer = 0;
        void this.refresh();
      }, this._pause);
    }
  }

  /** Changes below count for a run that has others below it; a cell shows what was logged to its session, too. */
  private get _root(): string {
    return this.run?.root ?? this.id;
  }

  private _tab: Tab = 'overview';
  private _timer = 0;
  private _retry = 0;
  private _wait = FIRST_RETRY;
  private _pause = GATHER;
  private _isDisposed = false;
  private readonly _stateChanged = new Signal<this, void>(this);
}
