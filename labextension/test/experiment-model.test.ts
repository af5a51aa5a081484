import { Signal } from '@lumino/signaling';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { isGroup } from '../src/pages/experiment/groups';
import { ExperimentModel } from '../src/pages/experiment/model';
import type { Views } from '../src/pages/experiment/view';
import type { Changes, IRowsQuery, IWorkspaceClient } from '../src/tokens';
import type { IChange, IExperiment, IRow } from '../src/wire';
import { experiment, run } from './records';

function row(given: Partial<IRow> = {}): IRow {
  return { ...run(), values: {}, ...given };
}

/** A workspace in memory, as far as the page asks; its rows are paged by number as the server's are by cursor. */
class MemoryRows {
  all: IRow[] = [];
  groupsOf: { value: unknown; count: number }[] = [];
  about: IExperiment[] = [experiment('exp', { run_count: 0 })];
  asked: IRowsQuery[] = [];
  changes: object[] = [];
  failing: Error | null = null;
  refused: Error | null = null;
  connected = true;
  readonly changed = new Signal<this, Changes>(this);
  readonly connectionChanged = new Signal<this, boolean>(this);

  get client(): IWorkspaceClient {
    return this as unknown as IWorkspaceClient;
  }

  async experiment(name: string) {
    const found = this.about.find(one => one.name === name);
    if (!found) {
      throw Object.assign(new Error('There is none.'), { status: 404 });
    }
    return found;
  }

  async fields() {
    const field = (name: string) => ({ field: name, runs: 1, numeric: true, values: [] });
    return { fields: [field('metrics.loss')], total: 1, looked_at: 1, more_runs: false };
  }

  async groups() {
    return { groups: this.groupsOf, others: 0, looked_at: 3, whole: true };
  }

  async rows(query: IRowsQuery) {
    this.asked.push(query);
    if (this.failing) {
      throw this.failing;
    }
    const ids = (query.filter ?? []).flatMap(text => [...text.matchAll(/"(\w+)"/g)].map(match => match[1]));
    const byId = query.filter?.some(text => text.startsWith('id in'));
    const fit = byId ? this.all.filter(one => ids.includes(one.id)) : this.all;
    const start = query.cursor ? Number(query.cursor) : 0;
    const stop = start + (query.limit ?? 100);
    return { rows: fit.slice(start, stop), next: stop < fit.length ? String(stop) : null };
  }

  async changeRun(id: string, change: { name?: string }) {
    this.changes.push(change);
    if (this.refused) {
      throw this.refused;
    }
    this.all = this.all.map(one => (one.id === id ? { ...one, ...change } : one));
  }

  async deleteRun(id: string) {
    if (id === 'busy') {
      throw new Error('It is Running.');
    }
    if (id === 'gone') {
      throw Object.assign(new Error('no such run'), { status: 404 });
    }
  }

  rowsUrl() {
    return 'url';
  }

  tell(...changes: Partial<IChange>[]) {
    const whole = {
      seq: 1,
      time: 0,
      who: '',
      verb: 'changed',
      noun: 'run',
      id: 'r0',
      experiment: 'exp',
      root: '',
      data: {}
    };
    this.changed.emit(changes.map(given => ({ ...whole, ...given }) as IChange));
  }
}

let workspace: MemoryRows;
let views: Views;
const models: ExperimentModel[] = [];
beforeEach(() => {
  workspace = new MemoryRows();
  views = {};
});
afterEach(() => models.splice(0).forEach(model => model.dispose()));

async function open(count: number): Promise<ExperimentModel> {
  workspace.all = Array.from({ length: count }, (_, i) => row({ id: `r${i}`, name: `run ${i}` }));
  workspace.about = [experiment('exp', { run_count: count })];
  const store = {
    load: () => views,
    save: async (_: string, kept: Views) => {
      views = { ...kept };
    }
  };
  const model = new ExperimentModel(workspace.client, 'exp', store);
  models.push(model);
  await vi.waitFor(() => expect(model.loaded && model.experiment !== null && model.fieldsLoaded).toBe(true));
  await vi.waitFor(() => expect(model.rows.length).toBe(Math.min(count, 100)));
  return model;
}

const names = (model: ExperimentModel) => model.rows.map(one => one.name);

it('knows how many there are before they are loaded, and loads as far as one looks', async () => {
  const model = await open(100_000);
  expect(model.source.count).toBe(100_000);
  expect(model.source.at(5000)).toBeUndefined();
  model.want(4990, 5010);
  await vi.waitFor(() => expect(model.source.at(5000)).toBeDefined());
  expect((model.source.at(5000) as IRow).name).toBe('run 5000');
  expect(workspace.asked.filter(query => query.limit === 1000).length).toBeGreaterThan(3);
});

it('asks no further when one has scrolled back meanwhile', async () => {
  const model = await open(100_000);
  model.want(99_000, 99_100);
  expect(model.loading?.wanted).toBe(99_100);
  model.want(0, 40);
  expect(model.loading).toBeNull();
  await new Promise(resolve => setTimeout(resolve, 0));
  expect(model.rows.length).toBeLessThan(5000);
});

it('a run that begins comes on top, and what was loaded below stays', async () => {
  const model = await open(400);
  model.want(0, 300);
  await vi.waitFor(() => expect(model.rows.length).toBeGreaterThanOrEqual(300));
  const before = model.rows.length;
  workspace.all = [row({ id: 'new', name: 'new', status: 'Running', ended: null }), ...workspace.all];
  model.want(0, 40);
  workspace.tell({ verb: 'created', id: 'new' });
  await vi.waitFor(() => expect(names(model)[0]).toBe('new'));
  expect(model.rows.length).toBe(before + 1);
  expect(new Set(model.rows.map(one => one.id)).size).toBe(before + 1);
});

it('a run that changes is asked for alone, and others of other experiments are not', async () => {
  const model = await open(50);
  const before = workspace.asked.length;
  workspace.tell({ id: 'elsewhere', experiment: 'other' });
  workspace.all = workspace.all.map(one => (one.id === 'r3' ? { ...one, name: 'changed' } : one));
  workspace.tell({ verb: 'logged', id: 'r3' });
  await vi.waitFor(() => expect(names(model)[3]).toBe('changed'));
  expect(workspace.asked.slice(before)).toHaveLength(1);
  expect(workspace.asked.at(-1)?.filter).toEqual(['tags.aml.archived is null', 'id in ("r3")']);
});

it('a run that is deleted elsewhere goes at once, and is selected no more', async () => {
  const model = await open(5);
  model.select(new Set(['r1', 'r2']));
  workspace.tell({ verb: 'deleted', id: 'r1' });
  expect(names(model)).not.toContain('run 1');
  expect([...model.selected]).toEqual(['r2']);
  expect(model.source.count).toBe(4);
});

it('a change is shown at once and taken back when it is refused', async () => {
  const model = await open(3);
  const first = model.rows[0];
  workspace.refused = Object.assign(new Error('You may only read.'), { status: 403 });
  const edited = model.edit(first, { name: 'better', set_tags: { kind: 'x' } });
  expect(model.rows[0]).toMatchObject({ name: 'better', tags: { kind: 'x' } });
  await expect(edited).rejects.toThrow('only read');
  expect(model.rows[0].name).toBe('run 0');
});

it('of several runs those are deleted that can be; the others are said', async () => {
  const model = await open(2);
  const outcome = await model.remove([model.rows[0], row({ id: 'busy', name: 'busy' }), row({ id: 'gone' })]);
  expect(outcome).toEqual({ done: 2, failed: [{ name: 'busy', error: new Error('It is Running.') }] });
  expect(names(model)).toEqual(['run 1']);
});

it('runs that are put away go, but are still counted; where those are listed, they go when they are taken back', async () => {
  const model = await open(3);
  expect(workspace.asked.at(-1)?.filter).toEqual(['tags.aml.archived is null']);
  await model.putAway([model.rows[0]], true);
  expect(workspace.changes.at(-1)).toEqual({ set_tags: { 'aml.archived': 'yes' } });
  expect(names(model)).toEqual(['run 1', 'run 2']);
  expect(model.experiment?.run_count).toBe(3);
  model.change({ archived: true, filter: 'number > 0' });
  await vi.waitFor(() =>
    expect(workspace.asked.at(-1)?.filter).toEqual(['number > 0', 'tags.aml.archived is not null'])
  );
  await vi.waitFor(() => expect(names(model)).toHaveLength(3));
  await model.putAway([model.rows[0]], false);
  expect(workspace.changes.at(-1)).toEqual({ drop_tags: ['aml.archived'] });
  expect(names(model)).toEqual(['run 1', 'run 2']);
});

it('an error leaves the rows, and goes when the server is back', async () => {
  const model = await open(3);
  workspace.failing = new Error('no answer');
  model.change({ order: 'name' });
  await vi.waitFor(() => expect(model.error?.message).toBe('no answer'));
  expect(names(model)).toHaveLength(3);
  workspace.failing = null;
  workspace.connectionChanged.emit(true);
  await vi.waitFor(() => expect(model.error).toBeNull());
  expect(names(model)).toHaveLength(3);
});

it('an experiment that is gone is said to be', async () => {
  const model = await open(1);
  workspace.about = [];
  await model.refresh();
  expect(model.gone).toBe(true);
});

it('groups are heads, and the runs of those that are open', async () => {
  const model = await open(3);
  workspace.groupsOf = [
    { value: 'a', count: 3 },
    { value: null, count: 1 }
  ];
  model.change({ group: 'params.kind' });
  await vi.waitFor(() => expect(model.source.count).toBe(2));
  model.groups?.toggle('"a"');
  await vi.waitFor(() => expect(model.rows).toHaveLength(3));
  expect(model.source.count).toBe(5);
  expect(workspace.asked.at(-1)?.filter).toEqual(['tags.aml.archived is null', 'params.kind = "a"']);
  const items = Array.from({ length: 5 }, (_, i) => model.source.at(i));
  expect(items.map(item => (item && isGroup(item) ? 'head' : item?.name))).toEqual([
    'head',
    'run 0',
    'run 1',
    'run 2',
    'head'
  ]);
});

it('a saved view comes back, with its filter; the one left last comes without', async () => {
  const model = await open(1);
  model.change({ filter: 'params.lr > 1', order: 'name', columns: ['name', 'metrics.loss'] });
  await model.saveView('mine');
  model.showView('');
  expect(model.view.filter).toBe('');
  model.showView('mine');
  expect(model.view).toMatchObject({ filter: 'params.lr > 1', order: 'name' });
  expect(model.viewNames).toEqual(['mine']);
  await model.removeView('mine');
  expect(model.viewNames).toEqual([]);
});

it('dispose is safe twice, and nothing is asked afterwards', async () => {
  const model = await open(1);
  model.dispose();
  model.dispose();
  const before = workspace.asked.length;
  workspace.tell({});
  await new Promise(resolve => setTimeout(resolve, 500));
  expect(workspace.asked.length).toBe(before);
});
