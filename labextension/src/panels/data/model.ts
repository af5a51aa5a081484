import { CommandIDs } from '../../commands';
import { bytes, moment } from '../../format';
import { IWorkspaceClient } from '../../tokens';
import { IAsked, INode, INodes, INoun, INounContext, IRowAction } from '../assets/types';
import { codeOf } from './code';
import { DATABASES, IDataset, IDatastore, IEntry } from './wire';

/** Datasets and datastores; below a datastore the files that lie in it. */
async function load(
  client: IWorkspaceClient,
  below: INode | null,
  asked: IAsked,
  names: { datasets: string; datastores: string; standard: string }
): Promise<INodes> {
  const fits = (name: string) => name.toLowerCase().includes(asked.text.toLowerCase());
  const some = <T>(all: T[], node: (one: T) => INode): INodes => ({
    nodes: all.slice(0, asked.limit).map(node),
    more: all.length > asked.limit
  });
  if (below === null) {
    const [sets, stores] = await Promise.all([datasets(client), datastores(client)]);
    const group = (id: string, label: string, all: { name: string }[]): INode => ({
      key: `group ${id}`,
      kind: 'group',
      label,
      count: all.filter(one => fits(one.name)).length,
      branch: true,
      opened: true,
      data: { group: id }
    });
    return {
      nodes: [group('datasets', names.datasets, sets), group('datastores', names.datastores, stores.datastores)],
      more: false,
      total: sets.length
    };
  }
  if (below.data.group === 'datasets') {
    return some(
      (await datasets(client)).filter(one => fits(one.name)),
      dataset
    );
  }
  if (below.data.group === 'datastores') {
    const found = await datastores(client);
    return some(
      found.datastores.filter(one => fits(one.name)),
      one => datastore(one, one.name === found.default ? names.standard : '')
    );
  }
  const { datastore: store, path = '' } = below.data;
  const page = await client.ask<{ entries: IEntry[]; next: string | null }>(
    `datastores/${encodeURIComponent(store)}/tree`,
    { path, limit: String(Math.min(1000, asked.limit)) }
  );
  return { nodes: page.entries.map(one => entry(store, one)), more: page.next !== null && asked.limit < 1000 };
}

async function datasets(client: IWorkspaceClient): Promise<IDataset[]> {
  return (await client.ask<{ datasets: IDataset[] }>('datasets')).datasets;
}

function datastores(client: IWorkspaceClient): Promise<{ datastores: IDatastore[]; default: string }> {
  return client.ask('datastores');
}

function dataset(one: IDataset): INode {
  return {
    key: `dataset ${one.name}`,
    kind: 'dataset',
    label: one.name,
    note: `${one.type === 'tabular' ? '' : 'files · '}v${one.version}`,
    hint: [one.name, one.description, ...one.places, moment(one.created)].filter(Boolean).join('\n'),
    data: { name: one.name, version: String(one.version), type: one.type }
  };
}

function datastore(one: IDatastore, standard: string): INode {
  return {
    key: `datastore ${one.name}`,
    kind: 'datastore',
    label: one.name,
    note: standard || one.type,
    hint: [one.name, one.type, one.description].filter(Boolean).join('\n'),
    branch: !DATABASES.has(one.type),
    data: { datastore: one.name, path: '' }
  };
}

function entry(store: string, one: IEntry): INode {
  const name = one.path.replace(/\/$/, '').split('/').pop() ?? one.path;
  return {
    key: `entry ${store} ${one.path}`,
    kind: one.is_folder ? 'folder' : 'file',
    label: one.is_folder ? `${name}/` : name,
    note: one.is_folder ? undefined : bytes(one.size),
    hint: one.path,
    branch: one.is_folder,
    data: { datastore: store, path: one.path }
  };
}

export function dataNoun(context: INounContext, empty: () => JSX.Element): INoun {
  const { client, commands, trans } = context;
  const names = {
    datasets: trans.__('Datasets'),
    datastores: trans.__('Datastores'),
    standard: trans.__('default')
  };
  return {
    id: 'data',
    label: trans.__('Data'),
    search: trans.__('Find datasets and datastores'),
    changed: change => change.noun === 'dataset' || change.noun === 'datastore',
    load: (asking, below, asked) => load(asking, below, asked, names),
    open: node =>
      node.kind === 'dataset'
        ? () => commands.execute(CommandIDs.openDataset, node.data)
        : node.kind === 'file'
          ? () => commands.execute(CommandIDs.openDatastore, node.data)
          : null,
    actions: node => {
      const code = codeOf(node, client.workspace);
      const offered: IRowAction[] = [];
      if (node.kind === 'datastore') {
        offered.push({
          label: trans.__('Open'),
          title: trans.__('Open it as a page'),
          run: () => commands.execute(CommandIDs.openDatastore, node.data)
        });
      }
      if (code !== null) {
        offered.push({
          label: trans.__('Use'),
          title: trans.__('Put a cell into the notebook that reads it'),
          run: () => commands.execute(CommandIDs.useInNotebook, { code })
        });
      }
      return offered;
    },
    empty
  };
}
