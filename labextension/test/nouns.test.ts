import { Signal } from '@lumino/signaling';
import { afterEach, expect, it, vi } from 'vitest';

import { datasetCode, fileCode, modelCode } from '../src/notebook/snippets';
import { ThingModel } from '../src/pages/assets/model';
import { IThing, IThings } from '../src/pages/assets/types';
import { PAGE, PreviewModel } from '../src/pages/data/model';
import { requirements } from '../src/pages/environments/model';
import { TreeModel } from '../src/panels/assets/model';
import { INode, INoun } from '../src/panels/assets/types';
import { actionsOf } from '../src/panels/compute/actions';
import { byNotebook } from '../src/panels/notebooks/model';
import { SectionsModel } from '../src/panels/sections/model';
import type { Changes, ISectionContent, IWorkspaceClient } from '../src/tokens';
import { IChange } from '../src/wire';
import { run } from './records';

/** A server in memory: routes answer what the test says. */
class Server {
  connected = true;
  workspace = '';
  readonly changed = new Signal<this, Changes>(this);
  readonly connectionChanged = new Signal<this, boolean>(this);
  answer: (route: string, query: Record<string, string>) => unknown = () => ({});

  async ask(route: string, query: Record<string, string> = {}) {
    return this.answer(route, query);
  }

  get client(): IWorkspaceClient {
    return this as unknown as IWorkspaceClient;
  }

  tell(noun: string, id = 'x') {
    this.changed.emit([{ noun, id, verb: 'changed' } as IChange]);
  }
}

const refusal = (status: number) => Object.assign(new Error('no'), { status });
const node = (key: string, given: Partial<INode> = {}): INode => ({
  key,
  kind: 'thing',
  label: key,
  data: {},
  ...given
});

const disposables: { dispose(): void }[] = [];
afterEach(() => disposables.splice(0).forEach(one => one.dispose()));

function tree(load: INoun['load']): { server: Server; model: TreeModel } {
  const server = new Server();
  const noun: INoun = {
    id: 'things',
    label: 'Things',
    search: '',
    changed: change => change.noun === 'thing',
    load,
    empty: () => null as unknown as JSX.Element
  };
  const model = new TreeModel(server.client, noun);
  disposables.push(model);
  return { server, model };
}

it('a level is loaded when it is opened, and anew with the rest when its kind changes', async () => {
  let names = ['a', 'b'];
  const load = vi.fn(async (_: IWorkspaceClient, below: INode | null) => ({
    nodes: below ? [node(`${below.key}/1`)] : names.map(name => node(name, { branch: true })),
    more: false
  }));
  const { server, model } = tree(load);
  await vi.waitFor(() => expect(model.count).toBe(2));
  expect(load).toHaveBeenCalledTimes(1);
  model.toggle(model.root.nodes[0]);
  await vi.waitFor(() => expect(model.below(model.root.nodes[0])?.nodes).toHaveLength(1));
  names = ['a', 'b', 'c'];
  server.tell('other');
  server.tell('thing');
  await vi.waitFor(() => expect(model.count).toBe(3));
  // The first level, the open one; both again.
  expect(load).toHaveBeenCalledTimes(4);
  model.toggle(model.root.nodes[0]);
  expect(model.below(model.root.nodes[0])).toBeNull();
});

it('what the reader closed stays closed, though it is open from the beginning', async () => {
  const { model } = tree(async (_, below) => ({
    nodes: below ? [] : [node('group', { branch: true, opened: true })],
    more: false
  }));
  await vi.waitFor(() => expect(model.below(node('group'))).not.toBeNull());
  model.toggle(node('group'));
  await model.refresh();
  expect(model.below(node('group'))).toBeNull();
});

it('a server without the routes has no section; any other trouble is shown, and ends', async () => {
  let status = 404;
  const { server, model } = tree(async () => {
    if (status) {
      throw refusal(status);
    }
    return { nodes: [node('a')], more: false };
  });
  await vi.waitFor(() => expect(model.root.loaded).toBe(true));
  expect(model.available).toBe(false);
  status = 503;
  await model.refresh();
  expect([model.available, model.root.error?.message]).toEqual([true, 'no']);
  status = 0;
  server.connectionChanged.emit(true);
  await vi.waitFor(() => expect(model.root.error).toBeNull());
});

it('a search asks the server, and the head goes on telling how many there are', async () => {
  const { model } = tree(async (_, __, { text }) => ({
    nodes: ['alpha', 'beta'].filter(name => name.includes(text)).map(name => node(name)),
    more: false
  }));
  await vi.waitFor(() => expect(model.count).toBe(2));
  model.search = 'alp';
  await vi.waitFor(() => expect(model.root.nodes.map(one => one.key)).toEqual(['alpha']));
  expect(model.count).toBe(2);
});

function things(more: Partial<IThings<IThing>> = {}): IThings<IThing> {
  return {
    changed: change => change.noun === 'thing',
    load: async (_, name, version) => ({
      name,
      version: version ?? 2,
      versions: [2, 1],
      description: '',
      tags: { kept: 'yes' }
    }),
    ...more
  };
}

function thing(given: IThings<IThing>, version: number | null = null): ThingModel<IThing> {
  const model = new ThingModel(new Server().client, given, 'iris', version);
  disposables.push(model);
  return model;
}

it('a change is shown at once, and taken back when it is refused', async () => {
  let refuse: () => void = () => undefined;
  const model = thing(things({ change: () => new Promise((_, reject) => (refuse = () => reject(refusal(409)))) }));
  await vi.waitFor(() => expect(model.thing?.version).toBe(2));
  const changing = model.change({ set_tags: { stage: 'ready' }, drop_tags: ['kept'] });
  expect(model.thing?.tags).toEqual({ stage: 'ready' });
  refuse();
  await changing;
  expect(model.thing?.tags).toEqual({ kept: 'yes' });
  expect(model.refused?.message).toBe('no');
});

it('the version that was asked for last is shown, whichever answer comes first', async () => {
  const answers: (() => void)[] = [];
  const model = thing(
    things({
      load: (_, name, version) =>
        new Promise(resolve =>
          answers.push(() => resolve({ name, version: version ?? 2, versions: [2, 1], description: '', tags: {} }))
        )
    })
  );
  model.show(1);
  answers[1]();
  await vi.waitFor(() => expect(model.thing?.version).toBe(1));
  answers[0]();
  await Promise.resolve();
  expect(model.thing?.version).toBe(1);
});

it('when the version that is shown goes, the newest one takes its place; when all went, it says so', async () => {
  const there = new Set([1, 2]);
  const model = thing(
    things({
      load: async (_, name, version) => {
        const found = version ?? Math.max(...there);
        if (!there.has(found)) {
          throw refusal(404);
        }
        return { name, version: found, versions: [...there], description: '', tags: {} };
      },
      remove: async (_, gone) => there.delete(gone.version)
    }),
    1
  );
  await vi.waitFor(() => expect(model.thing?.version).toBe(1));
  expect(await model.remove()).toBe(true);
  expect([model.thing?.version, model.deleted]).toEqual([2, false]);
  await model.remove();
  expect(model.deleted).toBe(true);
});

it('rows are loaded where they are seen, until the end is known', async () => {
  const total = PAGE + 5;
  const server = new Server();
  const asked: number[] = [];
  server.answer = (_, query) => {
    const start = Number(query.start);
    asked.push(start);
    const rows = Array.from({ length: Math.min(PAGE, Math.max(0, total - start)) }, (_, at) => [start + at]);
    return { columns: ['n'], types: ['int64'], rows, more: start + PAGE < total };
  };
  const preview = new PreviewModel(server.client, 'sales', 1, { path: '', size: '' });
  await vi.waitFor(() => expect(preview.loaded).toBe(true));
  expect([preview.open, preview.count]).toEqual([true, 2 * PAGE]);
  preview.show(PAGE, PAGE + 20);
  await vi.waitFor(() => expect(preview.open).toBe(false));
  expect([preview.count, preview.at(total - 1), preview.at(total)]).toEqual([total, [total - 1], undefined]);
  preview.show(0, total);
  expect(asked).toEqual([0, PAGE]);
});

it('names that would end a text of the code do not', () => {
  const name = 'a"); import os; ("\\';
  const said = JSON.stringify(name);
  expect(modelCode(name, 3, '')).toContain(`Model(Workspace.from_config(), ${said}, version=3)`);
  expect(datasetCode(name, 1, 'tabular', 'team "b"')).toContain(`get_by_name(Workspace.get("team \\"b\\""), ${said}`);
  expect(fileCode('store', 'x/y.tsv', '')).toContain(
    `Tabular.from_delimited_files((datastore, "x/y.tsv"), separator="\\t")`
  );
  expect(fileCode('store', 'x/y.png', '')).toContain('File.from_files((datastore, "x/y.png"))');
});

it('an environment’s packages are read from its description', () => {
  const dependencies = ['python=3.12', { pip: ['scikit-learn==1.5.0', 'dask[complete] >=2', '--no-binary :all:'] }];
  expect(requirements({ python: { condaDependencies: { dependencies } } })).toEqual([
    { name: '--no-binary :all:', wanted: '', from: 'pip' },
    { name: 'dask[complete]', wanted: '>=2', from: 'pip' },
    { name: 'python', wanted: '=3.12', from: 'conda' },
    { name: 'scikit-learn', wanted: '==1.5.0', from: 'pip' }
  ]);
  expect(requirements({})).toEqual([]);
});

it('an instance offers what its state allows, a cluster nothing of it', () => {
  expect(actionsOf('ComputeInstance', 'Running')).toEqual(['stop', 'restart']);
  expect(actionsOf('ComputeInstance', 'Stopped')).toEqual(['start']);
  expect(actionsOf('ComputeInstance', 'Starting')).toEqual([]);
  expect(actionsOf('AmlCompute', 'Running')).toEqual([]);
});

it('runs are gathered by their notebook, those without one left out', () => {
  const of = (id: string, notebook?: string) => run({ id, details: notebook ? { notebook } : {} });
  const found = byNotebook([of('3', 'b.ipynb'), of('2', 'a.ipynb'), of('1', 'b.ipynb'), of('0')]);
  expect([...found].map(([path, runs]) => [path, runs.map(one => one.id)])).toEqual([
    ['b.ipynb', ['3', '1']],
    ['a.ipynb', ['2']]
  ]);
});

it('sections come by rank, are made once, keep whether they are open, and go', async () => {
  const saved: string[][] = [];
  const model = new SectionsModel({ load: async () => ['models'], save: async open => saved.push(open) });
  await vi.waitFor(() => expect(model.isOpen('models')).toBe(true));
  expect(model.isOpen('experiments')).toBe(false);
  const content = { dispose: vi.fn() } as unknown as ISectionContent;
  const load = vi.fn(async () => content);
  const late = model.add({ id: 'late', label: 'Late', rank: 9, load });
  model.add({ id: 'early', label: 'Early', rank: 1, load });
  expect(model.sections.map(section => section.id)).toEqual(['early', 'late']);
  await model.content(model.sections[1]);
  await model.content(model.sections[1]);
  expect(load).toHaveBeenCalledTimes(1);
  model.toggle('late');
  expect(saved).toEqual([['models', 'late']]);
  late.dispose();
  await vi.waitFor(() => expect(content.dispose).toHaveBeenCalled());
  expect(model.sections).toHaveLength(1);
});
