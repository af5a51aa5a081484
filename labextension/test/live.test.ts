import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import type { ServerConnection } from '@jupyterlab/services';

import { LiveFeed } from '../src/live';
import type { Changes } from '../src/tokens';

/** The server's end of a websocket. */
class Socket {
  static made: Socket[] = [];
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  readyState = 1;
  sent: string[] = [];

  constructor(readonly url: string) {
    Socket.made.push(this);
  }

  say(message: object) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  send(text: string) {
    this.sent.push(text);
  }

  close() {
    this.onclose?.();
  }
}

let feed: LiveFeed;
let heard: Changes[];

beforeEach(() => {
  vi.useFakeTimers();
  Socket.made = [];
  const settings = { WebSocket: Socket, appendToken: true, token: 'secret' } as unknown as ServerConnection.ISettings;
  feed = new LiveFeed(settings, 'ws://host/live');
  heard = [];
  feed.changed.connect((_, changes) => heard.push(changes));
});

afterEach(() => {
  feed.dispose();
  vi.useRealTimers();
});

const change = { seq: 4, noun: 'run', verb: 'created', id: 'r' };

it('it is connected once the server says hello', () => {
  expect(feed.connected).toBe(false);
  Socket.made[0].say({ type: 'hello', last: 3 });
  expect(feed.connected).toBe(true);
  expect(Socket.made[0].url).toContain('token=secret');
});

it('after a break it goes on where it was', () => {
  Socket.made[0].say({ type: 'hello', last: 3 });
  Socket.made[0].say({ type: 'changes', changes: [change], last: 4 });
  expect(heard).toHaveLength(1);
  Socket.made[0].close();
  expect(feed.connected).toBe(false);
  vi.advanceTimersByTime(600);
  expect(Socket.made).toHaveLength(2);
  expect(Socket.made[1].url).toContain('after=4');
});

it('it does not hammer a server that is away', () => {
  for (let i = 0; i < 3; i++) {
    Socket.made[Socket.made.length - 1].close();
    vi.advanceTimersByTime(600 * 2 ** i);
  }
  const before = Socket.made.length;
  Socket.made[before - 1].close();
  vi.advanceTimersByTime(600);
  expect(Socket.made).toHaveLength(before);
});

it('when too much was missed everything is to be loaded anew', () => {
  Socket.made[0].say({ type: 'hello', last: 3 });
  Socket.made[0].say({ type: 'reset', last: 90000 });
  expect(heard).toEqual([null]);
});

it('a quiet connection is kept open', () => {
  vi.advanceTimersByTime(31_000);
  expect(Socket.made[0].sent).toEqual(['{"type": "ping"}']);
});

it('disposed, it connects no more', () => {
  feed.dispose();
  feed.dispose();
  vi.advanceTimersByTime(60_000);
  expect(Socket.made).toHaveLength(1);
});

it('a connection that answers no question after a sleep is made anew, and goes on where it was', () => {
  Socket.made[0].say({ type: 'hello', last: 3 });
  const lost: boolean[] = [];
  feed.connectionChanged.connect((_, is) => lost.push(is));
  Socket.made[0].close = () => undefined; // as a network that went away
  window.dispatchEvent(new Event('online'));
  expect(Socket.made[0].sent).toEqual(['{"type": "ping"}']);
  vi.advanceTimersByTime(10_000);
  expect(lost).toEqual([false]);
  vi.advanceTimersByTime(500);
  expect(Socket.made).toHaveLength(2);
  expect(Socket.made[1].url).toContain('after=3');
  Socket.made[1].say({ type: 'hello', last: 3 });
  Socket.made[0].onclose?.(); // tells of its end at last
  expect(lost).toEqual([false, true]);
});

it('an answered question leaves the connection, and a network that is back is tried at once', () => {
  Socket.made[0].say({ type: 'hello', last: 3 });
  window.dispatchEvent(new Event('online'));
  Socket.made[0].say({ type: 'pong' });
  vi.advanceTimersByTime(20_000);
  expect(Socket.made).toHaveLength(1);
  Socket.made[0].close();
  vi.advanceTimersByTime(100);
  window.dispatchEvent(new Event('online'));
  expect(Socket.made).toHaveLength(2);
});
