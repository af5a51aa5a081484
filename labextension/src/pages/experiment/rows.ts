import { IRowsQuery, IWorkspaceClient } from '../../tokens';
import { IRow, ended } from '../../wire';

/** Rows of the first page; at least, and at most, of the following ones. */
const FIRST = 100;
const NEXT = 200;
const FAR = 1000;
/** Rows that are loaded beyond those that are seen, so that who scrolls does not wait. */
const AHEAD = 400;
/** Rows that are loaded anew at once when something changed. */
const AGAIN = 1000;
/** Ids that one request names. */
const NAMED = 200;

/** Rows of one query, loaded page after page as far as they are wanted; one request at a time. No DOM. */
export class PagedRows {
  constructor(
    private readonly _client: IWorkspaceClient,
    readonly query: IRowsQuery,
    private readonly _onChange: () => void
  ) {}

  rows: IRow[] = [];
  error: Error | null = null;
  /** Whether a page was loaded at all. */
  loaded = false;

  /** Whether there are more than are loaded. */
  get open(): boolean {
    return this._next !== null;
  }

  /** Whether any of the runs goes on. Looked for once in the same rows. */
  get running(): boolean {
    if (this._lookedAt !== this.rows) {
      this._running = this.rows.some(row => !ended(row));
      this._lookedAt = this.rows;
    }
    return this._running;
  }

  /** How many rows are wanted while that many are not there yet; else 0. */
  get wanted(): number {
    return this.open && !this.error && this._wanted > this.rows.length ? this._wanted : 0;
  }

  dispose(): void {
    this._disposed = true;
  }

  /** Load until so many are there and some more, or there are no more. A later call may want fewer. */
  want(count: number): void {
    this._wanted = Math.max(count, 1);
    void this._go();
  }

  /** Try again after an error. */
  async retry(): Promise<void> {
    this.error = null;
    await this._go();
  }

  /** Load what is there up to `count` anew; what comes after it stays where it fits. */
  async refresh(count: number): Promise<void> {
    if (this._busy) {
      this._again = Math.max(this._again, count);
      return;
    }
    this._busy = true;
    const wanted = Math.min(AGAIN, Math.max(FIRST, Math.min(count, this.rows.length)));
    try {
      const page = await this._client.rows({ ...this.query, limit: wanted });
      const last = page.rows[page.rows.length - 1];
      const place = this.loaded && last && page.next !== null ? this.rows.findIndex(row => row.id === last.id) : -1;
      const ids = new Set(page.rows.map(row => row.id));
      if (place >= 0) {
        this.rows = [...page.rows, ...this.rows.slice(place + 1).filter(row => !ids.has(row.id))];
      } else {
        this.rows = page.rows;
        this._next = page.next;
      }
      this.loaded = true;
      this.error = null;
    } catch (error) {
      this.error = error as Error;
    }
    this._done();
  }

  /** Load these rows anew where they are; those that are gone, or no longer meant, go. */
  async patch(ids: Iterable<string>): Promise<void> {
    const known = this._ids();
    const asked = [...ids].filter(id => known.has(id));
    for (let at = 0; at < asked.length && !this._disposed; at += NAMED) {
      const some = asked.slice(at, at + NAMED);
      const filter = [...(this.query.filter ?? []), `id in (${some.map(id => `"${id}"`).join(', ')})`];
      try {
        const { rows } = await this._client.rows({ ...this.query, filter, limit: NAMED, cursor: undefined });
        const found = new Map(rows.map(row => [row.id, row]));
        const gone = new Set(some.filter(id => !found.has(id)));
        this.rows = this.rows.filter(row => !gone.has(row.id)).map(row => found.get(row.id) ?? row);
      } catch {
        return; // the next change tries again
      }
    }
    if (asked.length > 0 && !this._disposed) {
      this._onChange();
    }
  }

  /** Take rows away. */
  drop(ids: ReadonlySet<string>): void {
    this.rows = this.rows.filter(row => !ids.has(row.id));
  }

  /** Put a row in the place of the one with its id. */
  put(row: IRow): void {
    this.rows = this.rows.map(one => (one.id === row.id ? row : one));
  }

  private async _go(): Promise<void> {
    const missing = this._wanted === 0 ? 0 : this._wanted + AHEAD - this.rows.length;
    if (this._busy || this._disposed || this.error || !this.open || missing <= 0) {
      return;
    }
    this._busy = true;
    const limit = this._next === undefined ? FIRST : Math.min(FAR, Math.max(NEXT, missing));
    try {
      const page = await this._client.rows({ ...this.query, limit, cursor: this._next ?? undefined });
      const ids = this._ids();
      this.rows = this.rows.concat(page.rows.filter(row => !ids.has(row.id)));
      page.rows.forEach(row => ids.add(row.id));
      this._known = this.rows;
      this._next = page.next;
      this.loaded = true;
    } catch (error) {
      this.error = error as Error;
    }
    this._done();
  }

  private _done(): void {
    this._busy = false;
    if (this._disposed) {
      return;
    }
    this._onChange();
    const again = this._again;
    this._again = 0;
    void (again > 0 ? this.refresh(again) : this._go());
  }

  /** Ids of the rows; kept while rows are only added to them, as those of many pages are. */
  private _ids(): Set<string> {
    if (this._known !== this.rows) {
      this._idsKnown = new Set(this.rows.map(row => row.id));
      this._known = this.rows;
    }
    return this._idsKnown;
  }

  private _lookedAt: IRow[] | null = null;
  private _running = false;
  private _known: IRow[] = this.rows;
  private _idsKnown = new Set<string>();
  private _next: string | null | undefined = undefined;
  private _wanted = 0;
  private _busy = false;
  private _again = 0;
  private _disposed = false;
}
