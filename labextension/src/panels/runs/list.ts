import { IRunsQuery, IWorkspaceClient } from '../../tokens';
import { IRun } from '../../wire';

/** Runs loaded at once. */
export const PAGE = 50;
/** Runs of a list that is kept up to date: the server gives no more at once. */
const MOST = 1000;

/** A list of runs that can be loaded further and loaded anew; one request at a time. */
export class RunList {
  constructor(
    private readonly _client: IWorkspaceClient,
    private readonly _query: IRunsQuery,
    private readonly _onChange: () => void
  ) {}

  runs: IRun[] = [];
  error: string | null = null;
  /** Whether there are more than are loaded. */
  more = false;
  /** Whether it was loaded at all. */
  loaded = false;

  /** Load anew as much as is there. Asked again meanwhile, it is done once more afterwards. */
  async refresh(): Promise<void> {
    if (this._busy) {
      this._again = true;
      return;
    }
    this._busy = true;
    do {
      this._again = false;
      await this._load();
    } while (this._again);
    this._busy = false;
  }

  /** Load the next page, too. */
  showMore(): Promise<void> {
    this._wanted = Math.min(MOST, this._wanted + PAGE);
    return this.refresh();
  }

  private async _load(): Promise<void> {
    try {
      const page = await this._client.runs({ ...this._query, limit: this._wanted });
      this.runs = page.runs;
      this.more = page.next !== null && this._wanted < MOST;
      this.error = null;
    } catch (error) {
      this.error = (error as Error).message;
    }
    this.loaded = true;
    this._onChange();
  }

  private _wanted = PAGE;
  private _busy = false;
  private _again = false;
}
