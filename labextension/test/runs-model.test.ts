import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { RunsModel } from '../src/panels/runs/model';
import { experiment, MemoryWorkspace, run } from './records';

let workspace: MemoryWorkspace;

beforeEach(() => {
  workspace = new MemoryWorkspace();
});

const models: RunsModel[] = [];
afterEach(() => models.splice(0).forEach(model => model.dispose()));

async function open(): Promise<RunsModel> {
  const model = new RunsModel(workspace.client);
  models.push(model);
  await vi.waitFor(() => expect(model.loaded).toBe(true));
  return model;
}

it('the experiment in which something happened last comes first and is open', async () => {
  workspace.groups = [experiment('old', { last_activity: 1 }), experiment('new', { last_activity: 5 })];
  workspace.all = [run({ experiment: 'new' })];
  const model = await open();
  expect(model.shownExperiments.map(one => one.name)).toEqual(['new', 'old']);
  await vi.waitFor(() => expect(model.runsOf('new')?.runs).toHaveLength(1));
  expect(model.runsOf('old')).toBeNull();
});

it('a run that begins appears without being asked for', async () => {
  workspace.groups = [experiment('exp')];
  const model = await open();
  await vi.waitFor(() => expect(model.runsOf('exp')?.loaded).toBe(true));
  workspace.all = [run({ status: 'Running', ended: null })];
  workspace.tell({ verb: 'created' });
  await vi.waitFor(() => expect(model.runsOf('exp')?.runs).toHaveLength(1));
  expect(model.running).toBe(true);
});

it('the cells of a notebook that runs are shown as they come', async () => {
  const session = run({ id: 's', type: 'aml.session', status: 'Running', ended: null, child_count: 1 });
  workspace.groups = [experiment('exp')];
  workspace.all = [session, run({ id: 'c1', type: 'aml.cell', parent: 's', root: 's' })];
  const model = await open();
  await vi.waitFor(() => expect(model.childrenOf('s')?.runs).toHaveLength(1));
  workspace.all.push(run({ id: 'c2', type: 'aml.cell', parent: 's', root: 's' }));
  workspace.tell({ verb: 'created', id: 'c2', root: 's' });
  await vi.waitFor(() => expect(model.childrenOf('s')?.runs).toHaveLength(2));
});

it('one that the reader closed stays closed', async () => {
  workspace.groups = [experiment('exp')];
  workspace.all = [run({ id: 's', type: 'aml.session', status: 'Running', ended: null, child_count: 1 })];
  const model = await open();
  await vi.waitFor(() => expect(model.childrenOf('s')).not.toBeNull());
  model.toggleRun(workspace.all[0]);
  workspace.tell({ id: 's', root: 's' });
  const before = workspace.asked.length;
  await vi.waitFor(() => expect(workspace.asked.length).toBeGreaterThan(before));
  expect(model.childrenOf('s')).toBeNull();
});

it('a search looks everywhere, and an empty one ends it', async () => {
  workspace.groups = [experiment('alpha'), experiment('beta')];
  workspace.all = [run({ name: 'needle' })];
  const model = await open();
  model.search = 'needle';
  await vi.waitFor(() => expect(model.found?.runs).toHaveLength(1));
  expect(model.shownExperiments).toEqual([]);
  expect(workspace.asked.at(-1)?.everywhere).toBe(true);
  model.search = '';
  expect(model.found).toBeNull();
  expect(model.shownExperiments).toHaveLength(2);
});

it('more are loaded on demand', async () => {
  workspace.groups = [experiment('exp')];
  workspace.all = Array.from({ length: 70 }, (_, i) => run({ id: `r${i}` }));
  const model = await open();
  await vi.waitFor(() => expect(model.runsOf('exp')?.runs).toHaveLength(50));
  expect(model.runsOf('exp')?.more).toBe(true);
  await model.runsOf('exp')?.showMore();
  expect(model.runsOf('exp')?.runs).toHaveLength(70);
  expect(model.runsOf('exp')?.more).toBe(false);
});

it('an error is kept until the next attempt succeeds', async () => {
  workspace.failing = 'The store is busy.';
  const model = await open();
  expect(model.error).toBe('The store is busy.');
  workspace.failing = null;
  workspace.connectionChanged.emit(true);
  await vi.waitFor(() => expect(model.error).toBeNull());
});

it('a burst of changes asks once', async () => {
  workspace.groups = [experiment('exp')];
  const model = await open();
  await vi.waitFor(() => expect(model.runsOf('exp')?.loaded).toBe(true));
  const before = workspace.asked.length;
  for (let i = 0; i < 50; i++) {
    workspace.tell({ verb: 'logged' });
  }
  await vi.waitFor(() => expect(workspace.asked.length).toBe(before + 1));
});

it('dispose is safe twice, and nothing is asked afterwards', async () => {
  workspace.groups = [experiment('exp')];
  const model = await open();
  model.dispose();
  model.dispose();
  const before = workspace.asked.length;
  workspace.tell({});
  await Promise.resolve();
  expect(workspace.asked.length).toBe(before);
});
