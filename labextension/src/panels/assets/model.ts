import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Changes, IWorkspaceClient } from '../../tokens';
import { INode, INoun } from './types';

/** Milliseconds that changes are gathered before the tree is loaded anew. */
const GATHER = 150;
/** Rows that are loaded of a level at once. */
const PAGE = 100;

/** The rows below one row. */
export interface IBranch {
  nodes: INode[];
  more: boolean;
  error: Error | null;
  loaded: boolean;
  /** How many are asked for. */
  limit: number;
}

/** A tree of named things: levels that are open are loaded, and loaded anew as things change. No DOM. */
export class TreeModel implements IDisposable {
  constructor(
    readonly client: IWorkspaceClient,
    readonly noun: INoun
  ) {
    client.changed.connect(this._onChanges, this);
    client.connectionChanged.connect(this._onConnection, this);
    this._branches.set('', blank());
    void this.refresh();
  }

  /** How many things there are. */
  count: number | null = null;
  /** Whether the server has the routes for it. */
  available = false;

  get stateChanged(): ISignal<this, void> {
    return this._stateChanged;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  get root(): IBranch {
    return this._branches.get('') as IBranch;
  }

  /** Whether the section is open: then a noun that changes silently is looked at again and again. */
  set watched(watched: boolean) {
    clearInterval(this._watch);
    if (watched && this.noun.every && !this._isDisposed) {
      this._watch = window.setInterval(() => document.hidden || void this.refresh(), this.noun.every);
    }
  }

  get search(): string {
    return this._search;
  }

  set search(text: string) {
    if (text !== this._search) {
      this._search = text;
      this._emit();
      void this.refresh();
    }
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    clearTimeout(this._timer);
    clearInterval(this._watch);
    this.client.changed.disconnect(this._onChanges, this);
    this.client.connectionChanged.disconnect(this._onConnection, this);
    Signal.clearData(this);
  }

  /** What is below a row; null while it is closed. */
  below(node: INode): IBranch | null {
    return this._branches.get(node.key) ?? null;
  }

  toggle(node: INode, open = this.below(node) === null): void {
    this._touched.add(node.key);
    if (open) {
      this._open(node);
    } else {
      this._branches.delete(node.key);
    }
    this._emit();
  }

  /** Load more rows of a level, too. */
  showMore(node: INode | null): void {
    const branch = this._branches.get(node?.key ?? '');
    if (branch) {
      branch.limit += PAGE;
      void this._load(node, branch);
    }
  }

  /** Load all that is open anew. Asked again meanwhile, it is done once more afterwards. */
  async refresh(): Promise<void> {
    if (this._busy) {
      this._again = true;
      return;
    }
    this._busy = true;
    do {
      this._again = false;
      await this._walk(null);
    } while (this._again && !this._isDisposed);
    this._busy = false;
  }

  private _open(node: INode): Promise<void> {
    const branch = blank();
    this._branches.set(node.key, branch);
    return this._load(node, branch);
  }

  private async _walk(node: INode | null): Promise<void> {
    const branch = this._branches.get(node?.key ?? '');
    if (branch) {
      await this._load(node, branch);
      await Promise.all(branch.nodes.filter(one => one.branch).map(one => this._walk(one)));
    }
  }

  private async _load(node: INode | null, branch: IBranch): Promise<void> {
    const asked = { text: this._search.trim(), limit: branch.limit };
    try {
      const found = await this.noun.load(this.client, node, asked);
      branch.nodes = found.nodes;
      branch.more = found.more;
      branch.error = null;
      if (node === null) {
        this.available = true;
        if (!asked.text) {
          this.count = found.total ?? found.nodes.length;
        }
      }
    } catch (error) {
      branch.error = error as Error;
      if (node === null) {
        // A server without these routes has none of these things; any other trouble is shown.
        this.available = (error as { status?: number }).status !== 404;
      }
    }
    branch.loaded = true;
    for (const one of branch.nodes) {
      if (one.opened && !this._touched.has(one.key) && !this._branches.has(one.key)) {
        void this._open(one);
      }
    }
    this._emit();
  }

  private _onConnection(_: IWorkspaceClient, connected: boolean): void {
    if (connected && [...this._branches.values()].some(branch => branch.error)) {
      void this.refresh();
    }
  }

  private _onChanges(_: IWorkspaceClient, changes: Changes): void {
    if (changes === null || changes.some(change => this.noun.changed(change))) {
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

  private _search = '';
  private _timer = 0;
  private _watch = 0;
  private _busy = false;
  private _again = false;
  private _isDisposed = false;
  /** Rows that the reader opened or closed himself. */
  private readonly _touched = new Set<string>();
  private readonly _branches = new Map<string, IBranch>();
  private readonly _stateChanged = new Signal<this, void>(this);
}

function blank(): IBranch {
  return { nodes: [], more: false, error: null, loaded: false, limit: PAGE };
}
