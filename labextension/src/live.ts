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
   */
  constructor(settings: ServerConnection.ISettings, url: string) {
    this._settings = settings;
    this._url = url;
    this._connect();
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
    this._socket?.close();
    Signal.clearData(this);
  }

  private _connect(): void {
    const query = new URLSearchParams();
    if (this._last !== null) {
      query.set('after', String(this._last));
    }
    if (this._settings.appendToken && this._settings.token) {
      query.set('token', this._settings.token);
    }
    const socket = new this._settings.WebSocket(`${this._url}?${query}`);
    this._socket = socket;
    socket.onmessage = event => this._receive(JSON.parse(event.data) as Message);
    socket.onclose = () => this._closed();
    clearInterval(this._pinger);
    this._pinger = window.setInterval(() => {
      if (socket.readyState === 1) {
        socket.send('{"type": "ping"}');
      }
    }, PING);
  }

  private _receive(message: Message): void {
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
  private readonly _changed = new Signal<this, Changes>(this);
  private readonly _connectionChanged = new Signal<this, boolean>(this);
}
