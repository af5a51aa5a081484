import { Signal } from '@lumino/signaling';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { NotebookCells, delta } from '../src/notebook/cells-model';
import { lineDiff } from '../src/notebook/diff';
import { executions } from '../src/notebook/history-model';
import { changedTexts, initial, missing } from '../src/notebook/values';
import { IParameter } from '../src/notebook/api';
import { parseTable } from '../src/pages/run/csv';
import { imageGroups } from '../src/pages/run/gallery';
import { RunModel } from '../src/pages/run/model';
import { predictions, residuals, roc } from '../src/pages/run/curves';
import type { Changes, IWorkspaceClient } from '../src/tokens';
import type { IFile, IRun } from '../src/wire';
import { metric, run } from './records';

/** A server's answers in memory. */
class Server {
  all: IRun[] = [];
  asked: (string | undefined)[] = [];
  failing: (Error & { status?: number }) | null = null;
  connected = true;
  readonly changed = new Signal<this, Changes>(this);
  readonly connectionChanged = new Signal<this, boolean>(this);

  get client(): IWorkspaceClient {
    return this as unknown as IWorkspaceClient;
  }

  async ask(_: string, query: Record<string, string | undefined>) {
    this.asked.push(query.limit);
    return { runs: [...this.all].sort((a, b) => b.created - a.created).slice(0, Number(query.limit ?? 1000)) };
  }

  async run(id: string) {
    if (this.failing) {
      throw this.failing;
    }
    return this.all.find(one => one.id === id);
  }

  tell(verb: 'created' | 'changed' | 'ended' | 'deleted' | 'logged', id: string, root: string) {
    this.changed.emit([{ seq: 1, time: 0, who: '', verb, noun: 'run', id, experiment: 'e', root, data: {} }]);
  }
}

const cell = (id: string, created: number, source: string, given: Partial<IRun> = {}) =>
  run({ id, created, type: 'aml.cell', parent: 's', root: 's', details: { cell_id: 'c1', source }, ...given });

let server: Server;
const made: { dispose(): void }[] = [];
beforeEach(() => {
  server = new Server();
});
afterEach(() => made.splice(0).forEach(one => one.dispose()));

async function open(): Promise<NotebookCells> {
  const model = new NotebookCells(server.client, () => ({ path: 'a.ipynb', run: '' }));
  made.push(model);
  await vi.waitFor(() => expect(server.asked).toHaveLength(1));
  await Promise.resolve();
  return model;
}

it('the executions of a cell come from the server, the newest first', async () => {
  server.all = [cell('r1', 1, 'x'), cell('r2', 2, 'y')];
  const model = await open();
  await vi.waitFor(() => expect(model.of('c1').map(one => one.id)).toEqual(['r2', 'r1']));
  expect(model.of('other')).toEqual([]);
});

it('what is new is asked for, not everything again', async () => {
  server.all = [cell('r1', 1, 'x')];
  const model = await open();
  server.all.push(cell('r2', 2, 'x', { status: 'Running', ended: null }));
  for (let i = 0; i < 20; i++) {
    server.tell('logged', 'r2', 's');
  }
  await vi.waitFor(() => expect(model.of('c1')).toHaveLength(2));
  expect(model.running).toBe(true);
  expect(server.asked).toEqual([undefined, '30']);
});

it('an execution that was deleted goes', async () => {
  server.all = [cell('r1', 1, 'x'), cell('r2', 2, 'x')];
  const model = await open();
  await vi.waitFor(() => expect(model.of('c1')).toHaveLength(2));
  server.all.pop();
  server.tell('deleted', 'r2', 's');
  await vi.waitFor(() => expect(model.of('c1')).toHaveLength(1));
});

it('a difference keeps two lines around what changed', () => {
  const before = ['a', 'b', 'c', 'd', 'e', 'f'].join('\n');
  const shown = lineDiff(before, before.replace('f', 'g')).map(line => `${line.kind} ${line.text}`);
  expect(shown).toEqual(['gap …', 'same d', 'same e', 'removed f', 'added g']);
  expect(lineDiff('', 'x').map(line => line.kind)).toEqual(['added']);
  expect(lineDiff('x\n'.repeat(3000), 'y\n'.repeat(3000)).length).toBeGreaterThan(5000);
});

it('a history says how source and metrics moved', () => {
  const history = executions([
    cell('r3', 3, 'b', { metrics: { loss: metric('loss', { last: 0.25 }), bad: metric('bad', { last: 'NaN' }) } }),
    cell('r2', 2, 'a', { metrics: { loss: metric('loss', { last: 0.5 }), bad: metric('bad', { last: 1 }) } }),
    cell('r1', 1, 'a')
  ]);
  expect(history[0].source?.map(line => line.kind)).toEqual(['removed', 'added']);
  expect(history[1].source).toBeNull();
  expect(history[0].metrics.map(one => one.moved)).toEqual(['', '−0.25']);
  expect(delta(3, 1)).toBe('+2');
});

const parameter = (given: Partial<IParameter>): IParameter => ({
  name: 'p',
  type: '',
  choices: [],
  default: '',
  required: false,
  secret: false,
  help: '',
  ...given
});

it('a form sends what was changed and asks for what is missing', () => {
  const all = [
    parameter({ name: 'lr', default: '0.5' }),
    parameter({ name: 'mode', default: "'fast'" }),
    parameter({ name: 'token', secret: true, required: true, default: "'x'" }),
    parameter({ name: 'on', value: true })
  ];
  expect(all.map(initial)).toEqual(['0.5', 'fast', '', 'True']);
  expect(changedTexts(all, { lr: '0.5', mode: 'slow' })).toEqual({ mode: 'slow' });
  expect(missing(all, {})).toEqual(['token']);
  expect(missing(all, { token: 'y' })).toEqual([]);
});

it('images of one name stand in one frame, in the order in which they came', () => {
  const file = (path: string, time: number): IFile => ({ run: 'r', path, size: 1, digest: 'd', time, media_type: '' });
  const found = imageGroups(
    [file('roc_curve_17.png', 2), file('roc_curve_16.png', 1), file('epoch-10.png', 5), file('epoch-9.png', 5),
     file('plain.svg', 1), file('figures/1.png', 1), file('figures/2.png', 1), file('data.csv', 1)],
    ['roc_curve', 'roc']
  ); // prettier-ignore
  expect(found.map(one => [one.name, one.files.map(each => each.path)])).toEqual([
    ['roc_curve', ['roc_curve_16.png', 'roc_curve_17.png']],
    ['epoch', ['epoch-9.png', 'epoch-10.png']],
    ['plain.svg', ['plain.svg']],
    ['figures/1.png', ['figures/1.png']],
    ['figures/2.png', ['figures/2.png']]
  ]);
});

it('a table in text is read with its quotes, and no further than is shown', () => {
  expect(parseTable('a,"b, ""c"""\r\n1,"x\ny"\n', ',', 10)).toEqual([
    ['a', 'b, "c"'],
    ['1', 'x\ny']
  ]);
  expect(parseTable('1\n2\n3', ',', 2)).toEqual([['1'], ['2']]);
  expect(parseTable('', ',', 2)).toEqual([]);
});

it('structured metrics are drawn when they fit, else not', () => {
  expect(residuals({ bin_edges: [0, 1, 2], bin_counts: [3, 4] })).not.toBeNull();
  expect(residuals({ bin_edges: [0, 1], bin_counts: [3, 4] })).toBeNull();
  expect(predictions({ bin_averages: [1], bin_edges: 'no' })).toBeNull();
  expect(roc({ probability_tables: [[[5, 5, 0, 0], [0, 0, 5, 5]]] })?.lines[1].points).toEqual([[0, 0], [1, 1]]); // prettier-ignore
  expect(roc({ probability_tables: [['x']] })).toBeNull();
});

it('a page says that its run was deleted, and asks a stopped server again', async () => {
  server.all = [run({ id: 'r1' })];
  const model = new RunModel(server.client, 'r1');
  made.push(model);
  await vi.waitFor(() => expect(model.run?.id).toBe('r1'));
  server.failing = new TypeError('Failed to fetch');
  await model.refresh();
  expect([model.deleted, model.error?.message]).toEqual([false, 'Failed to fetch']);
  server.failing = null;
  server.connectionChanged.emit(true);
  await vi.waitFor(() => expect(model.error).toBeNull());
  server.failing = Object.assign(new Error('There is no run.'), { status: 404 });
  server.tell('deleted', 'r1', 'r1');
  await vi.waitFor(() => expect(model.deleted).toBe(true));
  expect(model.live).toBe(false);
});
