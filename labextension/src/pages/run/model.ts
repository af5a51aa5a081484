import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Changes, IWorkspaceClient } from '../../tokens';
import { IRun, ended } from '../../wire';

/** Milliseconds that changes are gathered before the run is read anew. */
const GATHER = 200;

export type Tab = 'overview' | 'metrics' | 'images' | 'files' | 'source' | 'changes' | 'log' | 'children';

/** One run as its page shows it. No DOM. */
export class RunModel implements IDisposable {
  constructor(
    readonly client: IWorkspaceClient,
    readonly id: string
  ) {
    client.changed.connect(this._onChanges, this);
    void this.refresh();
  }

  run: IRun | null = null;
  error: string | null = null;
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
    return this.run !== null && !ended(this.run);
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
    this.client.changed.disconnect(this._onChanges, this);
    Signal.clearData(this);
  }

  async refresh(): Promise<void> {
    await this._take(() => this.client.run(this.id));
  }

  async rename(name: string): Promise<void> {
    await this._take(() => this.client.changeRun(this.id, { name }));
  }

  async setTag(key: string, text: string): Promise<void> {
    await this._take(() => this.client.changeRun(this.id, { set_tags: { [key]: text } }));
  }

  async dropTag(key: string): Promise<void> {
    await this._take(() => this.client.changeRun(this.id, { drop_tags: [key] }));
  }

  async cancel(): Promise<void> {
    await this._take(async () => {
      await this.client.cancelRun(this.id);
      return this.client.run(this.id);
    });
  }

  private async _take(ask: () => Promise<IRun>): Promise<void> {
    try {
      this.run = await ask();
      this.error = null;
    } catch (error) {
      this.error = (error as Error).message;
      this.deleted = (error as { status?: number }).status === 404;
    }
    if (!this._isDisposed) {
      this.version++;
      this._stateChanged.emit();
    }
  }

  private _onChanges(_: IWorkspaceClient, changes: Changes): void {
    const mine =
      changes === null ||
      changes.some(change => change.noun === 'run' && (change.id === this.id || change.root === this._root));
    if (mine && !this._timer) {
      this._timer = window.setTimeout(() => {
        this._timer = 0;
        void this.refresh();
      }, GATHER);
    }
  }

  /** Changes below count for a run that has others below it; a cell shows what was logged to its session, too. */
  private get _root(): string {
    return this.run?.root ?? this.id;
  }

  private _tab: Tab = 'overview';
  private _timer = 0;
  private _isDisposed = false;
  private readonly _stateChanged = new Signal<this, void>(this);
}
