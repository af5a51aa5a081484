import { ISource } from '../../components/table';
import { IRowsQuery, IWorkspaceClient } from '../../tokens';
import { IGroups, IRow } from '../../wire';
import { groupFilter, otherFilter } from './fields';
import { PagedRows } from './rows';

/** The line above a group's runs. */
export interface IGroupHead {
  group: true;
  key: string;
  /** undefined: all the values that have no group of their own. */
  value: unknown;
  /** null where they were not counted. */
  count: number | null;
  open: boolean;
}

export type Item = IRow | IGroupHead;

export function isGroup(item: Item): item is IGroupHead {
  return 'group' in item;
}

/** Runs by the values of a field: heads, and below the open ones their rows. No DOM. */
export class GroupedRows implements ISource<Item> {
  constructor(
    private readonly _client: IWorkspaceClient,
    readonly query: IRowsQuery,
    readonly by: string,
    private readonly _onChange: () => void
  ) {}

  heads: IGroupHead[] = [];
  error: Error | null = null;
  loaded = false;
  /** Whether all runs were counted; how many were, otherwise. */
  whole = true;
  lookedAt = 0;

  get open(): boolean {
    return false;
  }

  get count(): number {
    return this.heads.reduce((sum, head) => sum + 1 + this._below(head), 0);
  }

  /** The lists of the groups that are open. */
  get lists(): PagedRows[] {
    return [...this._lists.values()];
  }

  at(index: number): Item | undefined {
    for (const head of this.heads) {
      if (index === 0) {
        return head;
      }
      const below = this._below(head);
      if (index <= below) {
        return this._lists.get(head.key)?.rows[index - 1];
      }
      index -= 1 + below;
    }
    return undefined;
  }

  /** Load what is seen of the open groups. */
  want(start: number, stop: number): void {
    let first = 0;
    for (const head of this.heads) {
      const below = this._below(head);
      const list = this._lists.get(head.key);
      if (list && first + 1 < stop && first + 1 + below > start) {
        list.want(Math.min(below, stop - first));
      }
      first += 1 + below;
    }
  }

  async refresh(): Promise<void> {
    try {
      this._take(await this._client.groups(this.query, this.by));
      this.error = null;
    } catch (error) {
      this.error = error as Error;
    }
    this.loaded = true;
    if (!this._disposed) {
      this._onChange();
    }
  }

  toggle(key: string): void {
    const place = this.heads.findIndex(one => one.key === key);
    if (place < 0) {
      return;
    }
    const head = { ...this.heads[place], open: !this.heads[place].open };
    this.heads = this.heads.map(one => (one.key === key ? head : one));
    if (head.open) {
      const list = new PagedRows(this._client, this._queryOf(head), this._onChange);
      this._lists.set(key, list);
      list.want(1);
    } else {
      this._lists.get(key)?.dispose();
      this._lists.delete(key);
    }
    this._onChange();
  }

  dispose(): void {
    this._disposed = true;
    this.lists.forEach(list => list.dispose());
  }

  private _take(found: IGroups): void {
    const open = new Set(this.heads.filter(head => head.open).map(head => head.key));
    const heads = found.groups.map(({ value, count }): IGroupHead => {
      const key = JSON.stringify(value);
      return { group: true, key, value, count, open: open.has(key) };
    });
    if (found.others > 0 || !found.whole) {
      heads.push({ group: true, key: 'others', value: undefined, count: null, open: open.has('others') });
    }
    this.heads = heads;
    this.whole = found.whole;
    this.lookedAt = found.looked_at;
    const keys = new Set(heads.map(head => head.key));
    for (const [key, list] of this._lists) {
      if (!keys.has(key)) {
        list.dispose();
        this._lists.delete(key);
      }
    }
  }

  private _queryOf(head: IGroupHead): IRowsQuery {
    const own =
      head.value === undefined
        ? otherFilter(
            this.by,
            this.heads.map(one => one.value).filter(value => value !== undefined)
          )
        : groupFilter(this.by, head.value);
    return { ...this.query, filter: [...(this.query.filter ?? []), own] };
  }

  private _below(head: IGroupHead): number {
    const list = head.open ? this._lists.get(head.key) : undefined;
    if (!list) {
      return 0;
    }
    return list.open ? Math.max(list.rows.length + 1, this.whole ? (head.count ?? 0) : 0) : list.rows.length;
  }

  private _disposed = false;
  private readonly _lists = new Map<string, PagedRows>();
}
