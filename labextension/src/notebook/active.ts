import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Changes, IWorkspaceClient } from '../tokens';
import { IPage, IRun } from '../wire';

const GATHER = 700;
const OPEN = ['NotStarted', 'Queued', 'Preparing', 'Starting', 'Running', 'Finalizing', 'CancelRequested'];

/** What goes on in the workspace: its name, the runs that have not ended, and those that end. No DOM. */
export class ActivityModel implements IDisposable {
  constructor(private readonly _client: IWorkspaceClient) {
    _client.changed.connect(this._onChanges, this);
    _client.connectionChanged.connect(this._onConnection, this);
    void this.refresh();
  }

  workspace = '';
  /** Runs that have not ended. A kernel's session is none: it goes on as long as the kernel. */
  active: IRun[] = [];
  /** Whether there are more than `active` has. */
  more = false;
  error: string | null = null;

  get connected(): boolean {
    return this._client.connected;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted for each run that ended, but for what belongs to a run that is told of itself. */
  get ended(): ISignal<this, IRun> {
    return this._ended;
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
    this._client.changed.disconnect(this._onChanges, this);
    this._client.connectionChanged.disconnect(this._onConnection, this);
    Signal.clearData(this);
  }

  async refresh(): Promise<void> {
    try {
      if (this._shown !== this._client.workspace) {
        this._shown = this._client.workspace;
        this.workspace = this._shown || (await this._client.info()).workspace.name;
      }
      const page = await this._client.ask<IPage>('runs', { everywhere: '1', status: OPEN, limit: '200' });
      this.active = page.runs.filter(run => run.type !== 'aml.session');
      this.more = page.next !== null;
      this.error = null;
    } catch (error) {
      this.error = (error as Error).message;
    }
    this._emit();
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private _onConnection(_: IWorkspaceClient, connected: boolean): void {
    if (connected) {
      this._later();
    }
    this._emit();
  }

  private _onChanges(_: IWorkspaceClient, changes: Changes): void {
    if (changes === null) {
      this._later();
      return;
    }
    const mine = changes.filter(one => one.noun === 'run' && one.verb !== 'logged');
    if (mine.length > 0) {
      this._later();
    }
    for (const one of mine) {
      if (one.verb === 'ended' && one.data.type !== 'aml.session') {
        void this._tell(one.id, typeof one.data.parent === 'string' ? one.data.parent : null);
      }
    }
  }

  private async _tell(id: string, parent: string | null): Promise<void> {
    try {
      if (parent === null || (await this._kindOf(parent)) === 'aml.session') {
        const run = await this._client.run(id);
        if (!this._isDisposed) {
          this._ended.emit(run);
        }
      }
    } catch {
      // It was deleted meanwhile: nothing to tell.
    }
  }

  private _kindOf(id: string): Promise<string> {
    let kind = this._kinds.get(id);
    if (!kind) {
      kind = this._client.run(id).then(run => run.type);
      kind.catch(() => this._kinds.delete(id));
      this._kinds.set(id, kind);
    }
    return kind;
  }

  private _later(): void {
    if (!this._timer) {
      this._timer = window.setTimeout(() => {
        this._timer = 0;
        void this.refresh();
      }, GATHER);
    }
  }

  /** Of which of the client's workspaces the name is. */
  private _shown: string | null = null;
  private _isDisposed = false;
  private _timer = 0;
  private readonly _kinds = new Map<string, Promise<string>>();
  private readonly _changed = new Signal<this, void>(this);
  private readonly _ended = new Signal<this, IRun>(this);
}
