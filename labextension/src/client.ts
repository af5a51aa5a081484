import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { LiveFeed } from './live';
import { Changes, IRowsQuery, IRunsQuery, ISeriesQuery, IWorkspaceClient } from './tokens';
import {
  IChange,
  IExperiment,
  IFields,
  IFile,
  IGroups,
  IInfo,
  IOffered,
  IPage,
  IRow,
  IRun,
  ISampled,
  ISeries,
  ISourceFile,
  ISources,
  ITracking
} from './wire';

const PREFIX = 'aml/api/v1';
/** Notebooks are those of the server's own workspace, whichever is shown. */
const OWN = /^(notebooks\/|workspaces$)/;
/** Milliseconds between looks at what changed in another workspace than the server's own, which tells by itself. */
const LOOK = 3000;

/** An answer that was an error, with the server's own words. */
export class ServerError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string
  ) {
    super(message);
  }
}

type Query = Record<string, string | string[] | undefined>;

/** A query string; "" without a query. */
function tail(query: Query): string {
  const search = new URLSearchParams();
  for (const [key, given] of Object.entries(query)) {
    for (const one of Array.isArray(given) ? given : given === undefined ? [] : [given]) {
      search.append(key, one);
    }
  }
  return search.size ? `?${search}` : '';
}

/** A query for rows as the server takes it. */
function asked(query: IRowsQuery): Query {
  const { everywhere, limit, ...rest } = query;
  return {
    ...rest,
    text: rest.text || undefined,
    everywhere: everywhere ? '1' : undefined,
    limit: limit === undefined ? undefined : String(limit)
  };
}

/** The workspace over REST and one websocket. */
export class WorkspaceClient implements IWorkspaceClient, IDisposable {
  /**
   * @param settings - How the server is reached.
   * @param ready - When the websocket may be opened; at once without it.
   */
  constructor(settings: ServerConnection.ISettings = ServerConnection.makeSettings(), ready?: Promise<unknown>) {
    this._settings = settings;
    this._live = new LiveFeed(settings, URLExt.join(settings.wsUrl, PREFIX, 'live'), ready);
    this._live.changed.connect((_, changes) => this._changed.emit(changes));
    this._live.connectionChanged.connect((_, is) => this._connectionChanged.emit(is));
  }

  get changed(): ISignal<this, Changes> {
    return this._changed;
  }

  get connectionChanged(): ISignal<this, boolean> {
    return this._connectionChanged;
  }

  get connected(): boolean {
    return this._live.connected;
  }

  get isDisposed(): boolean {
    return this._live.isDisposed;
  }

  dispose(): void {
    clearTimeout(this._looking);
    this._live.dispose();
    Signal.clearData(this);
  }

  get workspace(): string {
    return this._workspace;
  }

  async workspaces(): Promise<IOffered[]> {
    return (await this._ask<{ workspaces: IOffered[] }>('workspaces')).workspaces;
  }

  switchWorkspace(name: string): void {
    if (name === this._workspace) {
      return;
    }
    this._workspace = name;
    clearTimeout(this._looking);
    if (name) {
      void this._look(name, null);
    }
    this._changed.emit(null);
  }

  /** What changed in another workspace than the server's own, again and again while it is the one shown. */
  private async _look(name: string, after: number | null): Promise<void> {
    try {
      if (after === null) {
        after = (await this.info()).last_change;
      } else if (!document.hidden) {
        const answer = await this._ask<{ changes: IChange[]; last: number }>('changes', { after: String(after) });
        after = answer.last;
        if (answer.changes.length > 0 && name === this._workspace) {
          this._changed.emit(answer.changes);
        }
      }
    } catch {
      // Asked again later; who shows something says what is wrong.
    }
    if (name === this._workspace && !this.isDisposed) {
      this._looking = window.setTimeout(() => void this._look(name, after), LOOK);
    }
  }

  info(): Promise<IInfo> {
    return this._ask('info');
  }

  experiments(archived = false): Promise<IExperiment[]> {
    return this._all<IExperiment>('experiments', 'experiments', { archived: archived ? '1' : '0' });
  }

  experiment(name: string): Promise<IExperiment> {
    return this._ask(`experiments/${encodeURIComponent(name)}`);
  }

  changeExperiment(name: string, change: object): Promise<IExperiment> {
    return this._ask(`experiments/${encodeURIComponent(name)}`, {}, 'PATCH', change);
  }

  runs(query: IRunsQuery): Promise<IPage> {
    const { everywhere, limit, ...rest } = query;
    return this._ask('runs', {
      ...rest,
      everywhere: everywhere ? '1' : undefined,
      limit: limit === undefined ? undefined : String(limit),
      metrics: '1'
    });
  }

  run(id: string): Promise<IRun> {
    return this._ask(`runs/${id}`);
  }

  changeRun(id: string, change: object): Promise<IRun> {
    return this._ask(`runs/${id}`, {}, 'PATCH', change);
  }

  cancelRun(id: string): Promise<IRun> {
    return this._ask(`runs/${id}/cancel`, {}, 'POST', {});
  }

  deleteRun(id: string): Promise<void> {
    return this._ask(`runs/${id}`, {}, 'DELETE');
  }

  async series(id: string, query: ISeriesQuery): Promise<ISampled[]> {
    const text = (x: number | undefined) => (x === undefined ? undefined : String(x));
    const answer = await this._ask<{ series: ISampled[] }>(`runs/${id}/series`, {
      name: query.names,
      width: text(query.width),
      start: text(query.start),
      stop: text(query.stop),
      axis: query.axis
    });
    return answer.series;
  }

  points(id: string, name: string): Promise<ISeries> {
    return this._ask(`runs/${id}/points`, { name });
  }

  files(id: string): Promise<IFile[]> {
    return this._all<IFile>(`runs/${id}/files`, 'files');
  }

  fileUrl(id: string, path: string, download = false): string {
    const name = path.split('/').map(encodeURIComponent).join('/');
    return this.address(`runs/${id}/files/${name}`, { download: download ? '1' : undefined });
  }

  text(id: string, path: string, start: number): Promise<{ text: string; next: number }> {
    return this._ask(`runs/${id}/text`, { path, start: String(start) });
  }

  diff(id: string): Promise<{ diff: string; truncated: boolean }> {
    return this._ask(`runs/${id}/diff`);
  }

  async source(id: string): Promise<ISourceFile[]> {
    return (await this._ask<{ files: ISourceFile[] }>(`runs/${id}/source`)).files;
  }

  async sourceText(id: string, path: string): Promise<string> {
    return (await this._ask<{ text: string }>(`runs/${id}/source`, { path })).text;
  }

  rows(query: IRowsQuery): Promise<{ rows: IRow[]; next: string | null }> {
    return this._ask('studio/runs', asked(query));
  }

  fields(query: IRowsQuery): Promise<IFields> {
    return this._ask('studio/fields', asked(query));
  }

  groups(query: IRowsQuery, by: string): Promise<IGroups> {
    return this._ask('studio/groups', { ...asked({ ...query, field: undefined }), by });
  }

  rowsUrl(query: IRowsQuery): string {
    return this.address('studio/runs.csv', asked(query));
  }

  async manySeries(ids: string[], name: string, query: ISeriesQuery): Promise<Record<string, ISampled>> {
    const text = (x: number | undefined) => (x === undefined ? undefined : String(x));
    const answer = await this._ask<{ series: Record<string, ISampled> }>('studio/series', {
      run: ids,
      name,
      width: text(query.width),
      start: text(query.start),
      stop: text(query.stop),
      axis: query.axis
    });
    return answer.series;
  }

  sources(ids: string[]): Promise<ISources> {
    return this._ask('studio/sources', { run: ids });
  }

  tracking(path: string): Promise<ITracking> {
    return this._ask('notebooks/tracking', { path });
  }

  track(path: string, tracked: boolean, experiment?: string): Promise<ITracking> {
    const body = experiment ? { path, tracked, experiment } : { path, tracked };
    return this._ask('notebooks/tracking', {}, 'PUT', body);
  }

  ask<T>(route: string, query: Query = {}, method = 'GET', body?: object): Promise<T> {
    return this._ask(route, query, method, body);
  }

  address(route: string, query: Query = {}): string {
    const workspace = OWN.test(route) ? undefined : this._workspace || undefined;
    return URLExt.join(this._settings.baseUrl, PREFIX, route) + tail({ ...query, workspace });
  }

  /** All pages of a list. */
  private async _all<T>(route: string, key: string, query: Query = {}): Promise<T[]> {
    const found: T[] = [];
    let cursor: string | undefined;
    do {
      const page = await this._ask<Record<string, unknown>>(route, { ...query, cursor });
      found.push(...(page[key] as T[]));
      cursor = (page.next as string | null) ?? undefined;
    } while (cursor !== undefined);
    return found;
  }

  private async _ask<T>(route: string, query: Query = {}, method = 'GET', body?: object): Promise<T> {
    const url = this.address(route, query);
    const init: RequestInit = { method, body: body === undefined ? undefined : JSON.stringify(body) };
    const response = await ServerConnection.makeRequest(url, init, this._settings);
    const text = await response.text();
    let answer: unknown;
    try {
      answer = text ? JSON.parse(text) : undefined;
    } catch {
      answer = undefined;
    }
    if (!response.ok) {
      const error = (answer as { error?: { code: string; message: string } } | undefined)?.error;
      throw new ServerError(
        response.status,
        error?.code ?? '',
        error?.message ?? `The server answered ${response.status} ${response.statusText}.`
      );
    }
    return answer as T;
  }

  private _workspace = '';
  private _looking = 0;
  private readonly _settings: ServerConnection.ISettings;
  private readonly _live: LiveFeed;
  private readonly _changed = new Signal<this, Changes>(this);
  private readonly _connectionChanged = new Signal<this, boolean>(this);
}
