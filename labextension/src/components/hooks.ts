import { ISignal } from '@lumino/signaling';
import { useEffect, useReducer, useRef, useState } from 'react';

/** Render again whenever a signal is emitted. */
export function useSignal<S, A>(signal: ISignal<S, A>): void {
  const [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const slot = () => again();
    signal.connect(slot);
    return () => {
      signal.disconnect(slot);
    };
  }, [signal]);
}

/** Seconds since the epoch; goes on each second while `ticking`. */
export function useNow(ticking: boolean): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    setNow(Date.now() / 1000);
    if (!ticking) {
      return;
    }
    const timer = window.setInterval(() => setNow(Date.now() / 1000), 1000);
    return () => window.clearInterval(timer);
  }, [ticking]);
  return now;
}

/** A value that changes quickly, at most so often: at once, then again after `pause` milliseconds. */
export function useSlow<T>(value: T, pause: number): T {
  const [shown, setShown] = useState(value);
  const last = useRef(0);
  useEffect(() => {
    const wait = Math.max(0, last.current + pause - Date.now());
    const timer = window.setTimeout(() => {
      last.current = Date.now();
      setShown(value);
    }, wait);
    return () => window.clearTimeout(timer);
  }, [value, pause]);
  return shown;
}

export interface ILoaded<T> {
  value: T | null;
  error: string | null;
}

/**
 * What a request gives. Asked again when `keys` change; what was there stays until the new answer comes.
 */
export function useLoaded<T>(load: () => Promise<T>, keys: readonly unknown[]): ILoaded<T> {
  const [state, setState] = useState<ILoaded<T>>({ value: null, error: null });
  useEffect(() => {
    let current = true;
    load().then(
      value => current && setState({ value, error: null }),
      (error: Error) => current && setState(before => ({ value: before.value, error: error.message }))
    );
    return () => {
      current = false;
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, keys);
  return state;
}

/** Name of the theme that is on: canvases, which know no variables, are drawn anew when it changes. */
export function useTheme(): string {
  const [theme, setTheme] = useState(() => document.body.dataset.jpThemeName ?? '');
  useEffect(() => {
    const look = () => setTheme(document.body.dataset.jpThemeName ?? '');
    const observer = new MutationObserver(look);
    observer.observe(document.body, { attributes: true, attributeFilter: ['data-jp-theme-name'] });
    look();
    return () => observer.disconnect();
  }, []);
  return theme;
}
