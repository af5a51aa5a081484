import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Changes, IWorkspaceClient } from '../../tokens';
import { IThing, IThingChange, IThings } from './types';

/** Milliseconds that changes are gathered before the thing is read anew. */
const GATHER = 200;

/** One named thing, in one of its versions. No DOM. */
export class ThingModel<T extends IThing> implements IDisposable {
  /**
   * @param version - The version that is shown; null for the newest, whichever that is.
   */
  constructor(
    readonly client: IWorkspaceClient,
    readonly things: IThings<T>,
    readonly name: string,
    version: number | null
  ) {
    this._wanted = version;
    client.changed.connect(this._onChanges, this);
    client.connectionChanged.connect(this._onConnection, this);
    if (things.every) {
      this._every = window.setInterval(() => document.hidden || void this.refresh(), things.every);
    }
    void this.refresh();
  }

  thing: T | null = null;
  /** Why the thing as it is now is not shown. */
  error: Error | null = null;
  /** Why what was asked for last was not done. */
  refused: Error | null = null;
  /** It is no longer there. */
  deleted = false;
  /** Something was asked for, and is not done yet. */
  busy = false;
  /** Grows whenever it was read anew: what tabs have loaded is then old. */
  read = 0;

  get stateChanged(): ISignal<this, void> {
    return this._stateChanged;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  get tab(): string {
    return this._tab;
  }

  set tab(tab: string) {
    this._tab = tab;
    this._emit();
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    clearTimeout(this._timer);
    clearInterval(this._every);
    this.client.changed.disconnect(this._onChanges, this);
    this.client.connectionChanged.disconnect(this._onConnection, this);
    Signal.clearData(this);
  }

  /** Show another version; null for the newest. */
  show(version: number | null): void {
    if (version !== this._wanted) {
      this._wanted = version;
      void this.refresh();
    }
  }

  /** Read it anew. What was asked for last is what is shown, in whichever order answers come. */
  async refresh(): Promise<void> {
    if (this._isDisposed) {
      return;
    }
    const asked = ++this._asked;
    try {
      const thing = await this.things.load(this.client, this.name, this._wanted);
      if (asked !== this._asked) {
        return;
      }
      this.thing = thing;
      this.error = null;
      this.deleted = false;
    } catch (error) {
      if (asked !== this._asked) {
        return;
      }
      if ((error as { status?: number }).status === 404 && this._wanted !== null && this.thing) {
        // This version went; others may be there.
        this._wanted = null;
        await this.refresh();
        return;
      }
      this.error = error as Error;
      this.deleted = (error as { status?: number }).status === 404;
    }
    this.read++;
    this._emit();
  }

  /** Change tags or description: shown at once, and taken back if it is refused. */
  async change(change: IThingChange): Promise<void> {
    const before = this.thing;
    if (!before || !this.things.change) {
      return;
    }
    const tags = { ...before.tags, ...change.set_tags };
    change.drop_tags?.forEach(key => delete tags[key]);
    this.thing = { ...before, tags, description: change.description ?? before.description };
    await this.perform(() => this.things.change?.(this.client, before, change) ?? Promise.resolve(), before);
  }

  /** Remove it; whether that was done. */
  async remove(): Promise<boolean> {
    const thing = this.thing;
    return thing !== null && this.perform(async () => this.things.remove?.(this.client, thing));
  }

  /** Ask for something, then read anew; whether it was done. What was refused is told. */
  async perform(action: () => Promise<unknown>, before = this.thing): Promise<boolean> {
    this.busy = true;
    this.refused = null;
    this._emit();
    try {
      await action();
    } catch (error) {
      this.thing = before;
      this.refused = error as Error;
      this.busy = false;
      this._emit();
      return false;
    }
    this.busy = false;
    await this.refresh();
    return true;
  }

  private _onConnection(_: IWorkspaceClient, connected: boolean): void {
    if (connected && this.error) {
      void this.refresh();
    }
    this._emit();
  }

  private _onChanges(_: IWorkspaceClient, changes: Changes): void {
    if (changes === null || changes.some(change => this.things.changed(change, this.name))) {
      this._timer ||= window.setTimeout(() => {
        this._timer = 0;
        void this.refresh();
      }, GATHER);
    }
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this._stateChanged.emit();
    }
  }

  private _wanted: number | null;
  private _tab = '';
  private _asked = 0;
  private _timer = 0;
  private _every = 0;
  private _isDisposed = false;
  private readonly _stateChanged = new Signal<this, void>(this);
}
