import { ServerConnection } from '@jupyterlab/services';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Changes } from './tokens';
import { IChange } from './wire';

/** Milliseconds until the next attempt to connect. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 20_000;
/** Proxies close a websocket on which nothing happens. */
const PING = 30_000;
/** Milliseconds without an answer after which a connection counts as lost: after a sleep it may never close by itself. */
const SILENCE = 10_000;

type Message =
  | { type: 'hello'; last: number }
  | { type: 'changes'; changes: IChange[]; last: number }
  | { type: 'reset'; last: number }
  | { type: 'pong' };

/** The change feed as it happens. Connects again by itself, and goes on where it was. */
export class LiveFeed implements IDisposable {
  /**
   * @param settings - How the server is reached.
   * @param url - The websocket's address.
   * @param ready - When it may be opened; at once without it.
   */
  constructor(settings: ServerConnection.ISettings, url: string, ready?: Promise<unknown>) {
    this._settings = settings;
    this._url = url;
    if (ready) {
      void ready.then(() => this._isDisposed || this._connect());
    } else {
      this._connect();
    }
    // A laptop that wakes, a network that is back: what waits for its next attempt goes at once.
    window.addEventListener('online', this._look);
    document.addEventListener('visibilitychange', this._look);
  }

  get changed(): ISignal<this, Changes> {
    return this._changed;
  }

  get connectionChanged(): ISignal<this, boolean> {
    return this._connectionChanged;
  }

  get connected(): boolean {
    return this._connected;
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
    clearInterval(this._pinger);
    clearTimeout(this._silent);
    window.removeEventListener('online', this._look);
    document.removeEventListener('visibilitychange', this._look);
    this._socket?.close();
    Signal.clearData(this);
  }

  private _connect(): void {
    this._timer = 0;
    const query = new URLSearchParams();
    if (this._last !== null) {
      query.set('after', String(this._last));
    }
    if (this._settings.appendToken && this._settings.token) {
      query.set('token', this._settings.token);
    }
    const socket = new this._settings.WebSocket(`${this._url}?${query}`);
    this._socket = socket;
    socket.onmessage = event => {
      if (this._socket === socket) {
        this._receive(JSON.parse(event.data) as Message);
      }
    };
    // A socket that was given up may still tell of its end.
    socket.onclose = () => this._socket === socket && this._closed();
    clearInterval(this._pinger);
    this._pinger = window.setInterval(() => this._ask(), PING);
  }

  /** Ask whether the other end is still there; without an answer, connect anew. */
  private _ask(): void {
    const socket = this._socket;
    if (socket?.readyState !== 1) {
      return;
    }
    socket.send('{"type": "ping"}');
    this._silent ||= window.setTimeout(() => {
      this._silent = 0;
      if (this._socket === socket && !this._isDisposed) {
        this._wait = FIRST_WAIT;
        this._closed();
        this._socket = null;
        socket.close();
      }
    }, SILENCE);
  }

  private readonly _look = () => {
    if (document.visibilityState === 'hidden' || this._isDisposed) {
      return;
    }
    if (this._connected) {
      this._ask();
    } else if (this._timer) {
      clearTimeout(this._timer);
      this._wait = FIRST_WAIT;
      this._connect();
    }
  };

  private _receive(message: Message): void {
    clearTimeout(this._silent);
    this._silent = 0;
    if (message.type === 'hello') {
      this._wait = FIRST_WAIT;
      this._last ??= message.last;
      this._connected = true;
      this._connectionChanged.emit(true);
    } else if (message.type === 'changes') {
      this._last = message.last;
      this._changed.emit(message.changes);
    } else if (message.type === 'reset') {
      this._last = message.last;
      this._changed.emit(null);
    }
  }

  private _closed(): void {
    if (this._isDisposed) {
      return;
    }
    if (this._connected) {
      this._connected = false;
      this._connectionChanged.emit(false);
    }
    clearTimeout(this._timer);
    this._timer = window.setTimeout(() => this._connect(), this._wait);
    this._wait = Math.min(LONGEST_WAIT, this._wait * 2);
  }

  private readonly _settings: ServerConnection.ISettings;
  private readonly _url: string;
  private _socket: WebSocket | null = null;
  private _last: number | null = null;
  private _connected = false;
  private _isDisposed = false;
  private _wait = FIRST_WAIT;
  private _timer = 0;
  private _pinger = 0;
  private _silent = 0;
  private readonly _changed = new Signal<this, Changes>(this);
  private readonly _connectionChanged = new Signal<this, boolean>(this);
}
