import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { IWorkspaceClient } from '../tokens';
import { IRun } from '../wire';
import { cells } from './api';
import { NotebookCells, delta } from './cells-model';
import { ILine, lineDiff } from './diff';

/** Executions of a cell that are shown. */
export const SHOWN = 200;

/** One execution, and what it changed since the one before. */
export interface IExecution {
  run: IRun;
  /** Lines of the source against the execution before; null where the source is the same. */
  source: ILine[] | null;
  /** Numbers that it logged, with how they moved. */
  metrics: { name: string; last: unknown; moved: string }[];
}

/** A cell whose history is wanted. */
export interface ICellRef {
  id: string;
  path: string;
  run: string;
  cells: NotebookCells;
}

/** The executions of the cell that is looked at. No DOM. */
export class HistoryModel implements IDisposable {
  constructor(private readonly _client: IWorkspaceClient) {}

  executions: IExecution[] = [];
  error: string | null = null;
  loading = false;

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get cell(): ICellRef | null {
    return this._cell;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Nothing is asked while nobody looks. */
  set visible(visible: boolean) {
    this._visible = visible;
    if (visible) {
      void this.refresh();
    }
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._cell?.cells.changed.disconnect(this._onChanged, this);
    Signal.clearData(this);
  }

  /** Look at another cell; null for none. */
  look(cell: ICellRef | null): void {
    if (cell?.id === this._cell?.id && cell?.path === this._cell?.path) {
      return;
    }
    this._cell?.cells.changed.disconnect(this._onChanged, this);
    this._cell = cell;
    this.executions = [];
    cell?.cells.changed.connect(this._onChanged, this);
    if (this._visible) {
      void this.refresh();
    }
  }

  async refresh(): Promise<void> {
    const cell = this._cell;
    if (!cell) {
      this._changed.emit();
      return;
    }
    this.loading = this.executions.length === 0;
    this._changed.emit();
    try {
      const found = await cells(this._client, cell.path, { cell: cell.id, run: cell.run, limit: SHOWN });
      if (cell === this._cell) {
        this.executions = executions(found);
        this.error = null;
      }
    } catch (error) {
      this.error = (error as Error).message;
    }
    this.loading = false;
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private _onChanged(cells: NotebookCells): void {
    const newest = cells.of(this._cell?.id ?? '')[0];
    const shown = this.executions[0]?.run;
    const key = (run: IRun | undefined) => run && JSON.stringify([run.id, run.status, run.metrics, run.tags]);
    if (this._visible && key(newest) !== key(shown)) {
      void this.refresh();
    }
  }

  private _cell: ICellRef | null = null;
  private _visible = false;
  private _isDisposed = false;
  private readonly _changed = new Signal<this, void>(this);
}

/** Runs of a cell (the newest first) as a history. */
export function executions(runs: readonly IRun[]): IExecution[] {
  const text = (run: IRun) => String(run.details.source ?? '');
  return runs.map((run, index) => {
    const before = runs[index + 1];
    const same = before !== undefined && text(before) === text(run);
    return {
      run,
      source: before === undefined || same ? null : lineDiff(text(before), text(run)),
      metrics: Object.values(run.metrics)
        .filter(metric => metric.kind === 'scalar' || metric.kind === 'list')
        .sort((a, b) => a.name.localeCompare(b.name))
        .slice(0, 50)
        .map(metric => ({
          name: metric.name,
          last: metric.last,
          moved: delta(metric.last, before?.metrics[metric.name]?.last)
        }))
    };
  });
}
