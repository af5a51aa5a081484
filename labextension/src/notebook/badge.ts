import { Cell, CodeCell } from '@jupyterlab/cells';
import { NotebookPanel } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';
import { IDisposable } from '@lumino/disposable';
import { PanelLayout, Widget } from '@lumino/widgets';

import { mainMetrics, runDuration, value } from '../format';
import { IRun, ended } from '../wire';
import { NotebookCells } from './cells-model';

const MARKS: Record<string, [string, string]> = {
  Completed: ['completed', 'M3.5 8.5l3 3 6-7'],
  Failed: ['failed', 'M4.5 4.5l7 7m0-7l-7 7'],
  Canceled: ['canceled', 'M4 8h8']
};
const RUNNING: [string, string] = ['running', 'M8 2.5a5.5 5.5 0 1 1-5.5 5.5'];

export interface IBadgeActions {
  openRun(run: IRun): void;
  showHistory(): void;
}

/** A line below a cell: how its last execution ended, how long it took, what it logged. */
export class CellBadge extends Widget {
  constructor(
    private readonly _actions: IBadgeActions,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('aml-Badge');
    this.node.setAttribute('role', 'group');
    this.node.setAttribute('aria-label', _trans.__('Run of this cell'));
    this._open.className = 'aml-Badge-run';
    this._history.className = 'aml-Badge-history';
    this._history.addEventListener('click', () => this._actions.showHistory());
    this._open.addEventListener('click', () => this._run && this._actions.openRun(this._run));
    this.node.append(this._open, this._history);
  }

  /** Show a cell's executions (the newest first); nothing where there are none. */
  showRuns(runs: readonly IRun[], source: string, metrics: number): void {
    this._run = runs[0] ?? null;
    this.setHidden(this._run === null);
    if (this._run) {
      this._draw(this._run, runs.length, source, metrics);
    }
  }

  private _draw(run: IRun, count: number, source: string, metrics: number): void {
    const trans = this._trans;
    const status = trans.__(run.status);
    const took = runDuration(run, Date.now() / 1000);
    const logged = mainMetrics(run, metrics).map(one => [one.name, value(one.last)]);
    const edited = ended(run) && source !== String(run.details.source ?? '');
    const text = JSON.stringify([run.status, took, logged, edited, count]);
    if (text === this._drawn) {
      return;
    }
    this._drawn = text;
    const parts: Node[] = [mark(run, status), part('aml-Badge-time', took)];
    for (const [name, last] of logged) {
      const one = part('aml-Badge-metric', '');
      one.append(part('', `${name} `), part('aml-Badge-value', last));
      parts.push(one);
    }
    if (edited) {
      parts.push(part('aml-Badge-edited', trans.__('edited since')));
    }
    this._open.replaceChildren(...parts);
    const error = run.error ? `\n${run.error.code ?? ''} ${run.error.message ?? ''}` : '';
    this._open.title = `${status}, ${took}${error}\n${trans.__('Click to open the run')}`;
    this._history.textContent = `${count}×`;
    this._history.hidden = count < 2;
    this._history.title = trans._n('Executed %1 time: show the history', 'Executed %1 times: show the history', count);
    this._history.setAttribute('aria-label', this._history.title);
  }

  private readonly _open = document.createElement('button');
  private readonly _history = document.createElement('button');
  private _run: IRun | null = null;
  private _drawn = '';
}

function part(name: string, text: string): HTMLElement {
  const made = document.createElement('span');
  made.className = name;
  made.textContent = text;
  return made;
}

function mark(run: IRun, label: string): Element {
  const [kind, path] = MARKS[run.status] ?? RUNNING;
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', `aml-Status-mark aml-mod-${kind}`);
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', label);
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  line.setAttribute('d', path);
  svg.append(line);
  return svg;
}

/** The badges of one notebook: one for each code cell that ever ran. */
export class NotebookBadges implements IDisposable {
  constructor(
    private readonly _panel: NotebookPanel,
    private readonly _model: NotebookCells,
    private readonly _actions: IBadgeActions,
    private readonly _trans: TranslationBundle
  ) {
    _model.changed.connect(this.update, this);
    _panel.content.modelContentChanged.connect(this._onEdited, this);
  }

  /** Metrics that a badge names. */
  metrics = 2;

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    clearTimeout(this._timer);
    clearInterval(this._clock);
    this._model.changed.disconnect(this.update, this);
    this._panel.content.modelContentChanged.disconnect(this._onEdited, this);
    this._badges.forEach(badge => badge.dispose());
    this._badges.clear();
  }

  /** Bring every badge up to date. */
  update(): void {
    for (const cell of this._panel.content.widgets) {
      if (cell instanceof CodeCell) {
        this._updateCell(cell);
      }
    }
    this._tick(this._model.running);
  }

  private _updateCell(cell: Cell): void {
    const known = cell.model.getMetadata('jupyter_aml') as { cell_id?: string; run?: string } | undefined;
    let runs = this._model.of(known?.cell_id || cell.model.id);
    if (known?.run) {
      runs = runs.filter(run => run.id === known.run);
    }
    let badge = this._badges.get(cell);
    if (!badge && runs.length > 0 && !cell.isDisposed) {
      if (cell.isPlaceholder()) {
        void cell.ready.then(() => !this._isDisposed && !cell.isDisposed && this._updateCell(cell));
        return;
      }
      badge = new CellBadge(this._actionsFor(cell), this._trans);
      this._badges.set(cell, badge);
      cell.disposed.connect(() => this._badges.delete(cell));
      (cell.layout as PanelLayout).addWidget(badge);
    }
    badge?.showRuns(runs, cell.model.sharedModel.getSource(), this.metrics);
  }

  private _actionsFor(cell: Cell): IBadgeActions {
    return {
      openRun: run => this._actions.openRun(run),
      showHistory: () => {
        const index = this._panel.content.widgets.indexOf(cell);
        if (index >= 0) {
          this._panel.content.activeCellIndex = index;
        }
        this._actions.showHistory();
      }
    };
  }

  /** A cell was edited, added or moved. */
  private _onEdited(): void {
    clearTimeout(this._timer);
    this._timer = window.setTimeout(() => this.update(), 300);
  }

  private _tick(on: boolean): void {
    if (on && !this._clock) {
      this._clock = window.setInterval(() => this.update(), 1000);
    } else if (!on && this._clock) {
      clearInterval(this._clock);
      this._clock = 0;
    }
  }

  private _isDisposed = false;
  private _timer = 0;
  private _clock = 0;
  private readonly _badges = new Map<Cell, CellBadge>();
}
