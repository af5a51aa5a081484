import { CommandIDs } from '../../commands';
import { moment } from '../../format';
import { modelCode } from '../../notebook/snippets';
import { IWorkspaceClient } from '../../tokens';
import { IAsset, IAssets } from '../../wire';
import { IAsked, INode, INodes, INoun, INounContext } from '../assets/types';

/** A model, or one of its versions, as a row. */
function row(asset: IAsset, versions: number): INode {
  return {
    key: asset.name,
    kind: 'model',
    label: asset.name,
    note: `v${asset.version}`,
    count: versions,
    hint: [asset.name, asset.description, moment(asset.created)].filter(Boolean).join('\n'),
    branch: true,
    data: { name: asset.name, version: String(asset.version) }
  };
}

function version(asset: IAsset, aliases: Record<string, number>): INode {
  const called = Object.keys(aliases).filter(alias => aliases[alias] === asset.version);
  return {
    key: `${asset.name}:${asset.version}`,
    kind: 'model-version',
    label: [`v${asset.version}`, ...called].join(' · '),
    note: moment(asset.created),
    hint: Object.entries(asset.tags)
      .map(([key, text]) => `${key}: ${text ?? ''}`)
      .join('\n'),
    data: { name: asset.name, version: String(asset.version) }
  };
}

/** Models by name, the versions of each below it. */
async function load(client: IWorkspaceClient, below: INode | null, asked: IAsked): Promise<INodes> {
  if (below === null) {
    const query = { text: asked.text || undefined, limit: String(asked.limit) };
    const page = await client.ask<IAssets>('models', query);
    return {
      nodes: page.assets.map(asset => row(asset, page.versions[asset.name] ?? 1)),
      more: page.next !== null,
      total: Object.keys(page.versions).length
    };
  }
  const { name } = below.data;
  const [page, { aliases }] = await Promise.all([
    client.ask<IAssets>('models', { name, all: '1', limit: String(asked.limit) }),
    client.ask<{ aliases: Record<string, number> }>(`models/${encodeURIComponent(name)}/aliases`)
  ]);
  return { nodes: page.assets.map(asset => version(asset, aliases)), more: page.next !== null };
}

export function modelsNoun(context: INounContext, empty: () => JSX.Element): INoun {
  const { client, commands, trans } = context;
  return {
    id: 'models',
    label: trans.__('Models'),
    search: trans.__('Find models'),
    changed: change => change.noun === 'model' || change.noun === 'model-alias',
    load,
    open: node => {
      const { name, version } = node.data;
      // A model's row stands for its newest version, whichever that is when the page is looked at.
      return () => commands.execute(CommandIDs.openModel, node.kind === 'model' ? { name } : { name, version });
    },
    actions: node => [
      {
        label: trans.__('Use'),
        title: trans.__('Put a cell into the notebook that fetches it'),
        run: () =>
          commands.execute(CommandIDs.useInNotebook, {
            code: modelCode(node.data.name, node.data.version, client.workspace)
          })
      }
    ],
    empty
  };
}
