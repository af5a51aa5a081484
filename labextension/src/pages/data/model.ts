import { ISignal, Signal } from '@lumino/signaling';

import { IDataset } from '../../panels/data/wire';
import { IWorkspaceClient } from '../../tokens';
import { IThing, IThings, IUse } from '../assets/types';

export interface IData extends IThing {
  dataset: IDataset;
}

function route(name: string): string {
  return `datasets/${encodeURIComponent(name)}`;
}

/** Registered datasets. */
export const datasets: IThings<IData> = {
  changed: (change, name) => change.noun === 'dataset' && change.id === name,

  async load(client, name, version) {
    const query = { version: version === null ? undefined : String(version) };
    const found = await client.ask<IDataset & { versions: number[] }>(route(name), query);
    const { versions, ...dataset } = found;
    const { description, tags } = dataset;
    return {
      name,
      version: dataset.version,
      versions: [...versions].sort((a, b) => b - a),
      description,
      tags,
      dataset
    };
  },

  change: (client, thing, change) => client.ask(`${route(thing.name)}/versions/${thing.version}`, {}, 'PATCH', change),
  remove: (client, thing) => client.ask(route(thing.name), {}, 'DELETE')
};

export async function usesOf(client: IWorkspaceClient, thing: IThing): Promise<IUse[]> {
  const query = { version: String(thing.version) };
  return (await client.ask<{ lineage: IUse[] }>(`${route(thing.name)}/lineage`, query)).lineage;
}

/** What is known of a column. */
export interface IColumnProfile {
  name: string;
  type: string;
  count: number;
  missing: number;
  distinct: number | null;
  min?: unknown;
  max?: unknown;
  mean?: number | null;
  std?: number | null;
  histogram?: { lower: number; upper: number; count: number }[];
  top?: { value: unknown; count: number }[];
}

export interface IProfile {
  rows: number;
  exact: boolean;
  columns: IColumnProfile[];
}

export function profileOf(client: IWorkspaceClient, thing: IThing): Promise<IProfile> {
  return client.ask(`${route(thing.name)}/profile`, { version: String(thing.version) });
}

/** Rows that are asked for at once. */
export const PAGE = 200;

interface IAnswer {
  columns?: string[];
  types?: string[];
  rows?: unknown[][];
  files?: { path: string; size: number; modified: number | null }[];
  more: boolean;
}

/** The rows of a dataset, page by page as they come into sight. No DOM. */
export class PreviewModel {
  constructor(
    private readonly _client: IWorkspaceClient,
    private readonly _name: string,
    private readonly _version: number,
    private readonly _names: { path: string; size: string }
  ) {
    void this._load(0);
  }

  columns: { name: string; type: string }[] = [];
  error: Error | null = null;
  /** Grows with every page. */
  version = 0;

  get stateChanged(): ISignal<this, void> {
    return this._stateChanged;
  }

  /** Whether there may be more than are known of. */
  get open(): boolean {
    return this._end === null;
  }

  /** How many rows are known of; while there are more, a page beyond those that are loaded. */
  get count(): number {
    return this._end ?? (this._pages.size === 0 ? 0 : (this._last + 2) * PAGE);
  }

  get loaded(): boolean {
    return this._pages.size > 0;
  }

  at(index: number): unknown[] | undefined {
    return this._pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** These rows are seen. */
  show(start: number, stop: number): void {
    for (let page = Math.floor(start / PAGE); page <= Math.floor(Math.max(start, stop - 1) / PAGE); page++) {
      if (!this._pages.has(page) && (this._end === null || page * PAGE < this._end)) {
        void this._load(page);
      }
    }
  }

  retry(): void {
    this.error = null;
    void this._load(this._failed);
  }

  private async _load(page: number): Promise<void> {
    if (this._asked.has(page) || this.error) {
      return;
    }
    this._asked.add(page);
    try {
      const answer = await this._client.ask<IAnswer>(`${route(this._name)}/rows`, {
        version: String(this._version),
        start: String(page * PAGE),
        limit: String(PAGE)
      });
      this._take(page, answer);
    } catch (error) {
      this.error = error as Error;
      this._failed = page;
    }
    this._asked.delete(page);
    this.version++;
    this._stateChanged.emit();
  }

  private _take(page: number, answer: IAnswer): void {
    const rows = answer.rows ?? (answer.files ?? []).map(file => [file.path, file.size]);
    if (page === 0) {
      this.columns = answer.files
        ? [
            { name: this._names.path, type: 'string' },
            { name: this._names.size, type: 'int64' }
          ]
        : (answer.columns ?? []).map((name, index) => ({ name, type: answer.types?.[index] ?? '' }));
    }
    this._pages.set(page, rows);
    this._last = Math.max(this._last, page);
    if (!answer.more) {
      this._end = Math.min(this._end ?? Infinity, page * PAGE + rows.length);
    }
  }

  private _end: number | null = null;
  private _last = 0;
  private _failed = 0;
  private readonly _asked = new Set<number>();
  private readonly _pages = new Map<number, unknown[][]>();
  private readonly _stateChanged = new Signal<this, void>(this);
}
