import { CommandIDs } from '../../commands';
import { moment } from '../../format';
import { environmentCode } from '../../notebook/snippets';
import { IWorkspaceClient } from '../../tokens';
import { IAsset, IAssets } from '../../wire';
import { IAsked, INode, INodes, INoun, INounContext } from '../assets/types';

function row(asset: IAsset, versions: number): INode {
  return {
    key: asset.name,
    kind: 'environment',
    label: asset.name,
    note: `v${asset.version}`,
    count: versions,
    hint: [asset.name, asset.description, moment(asset.created)].filter(Boolean).join('\n'),
    branch: versions > 1,
    data: { name: asset.name, version: String(asset.version) }
  };
}

/** Those of the workspace, then a group of those that every workspace has. */
async function load(client: IWorkspaceClient, below: INode | null, asked: IAsked, curated: string): Promise<INodes> {
  if (below === null) {
    const query = { text: asked.text || undefined, limit: String(asked.limit) };
    const [page, fitting] = await Promise.all([client.ask<IAssets>('environments', query), everywhere(client, asked)]);
    const nodes = page.assets.map(asset => row(asset, page.versions[asset.name] ?? 1));
    if (fitting.length > 0) {
      nodes.push({
        key: 'group curated',
        kind: 'group',
        label: curated,
        count: fitting.length,
        branch: true,
        opened: asked.text !== '',
        data: { group: 'curated' }
      });
    }
    return { nodes, more: page.next !== null, total: Object.keys(page.versions).length };
  }
  if (below.data.group === 'curated') {
    const nodes = (await everywhere(client, asked)).map(name => ({
      key: `curated ${name}`,
      kind: 'curated',
      label: name,
      data: { name, version: '' }
    }));
    return { nodes, more: false };
  }
  const { name } = below.data;
  const page = await client.ask<IAssets>('environments', { name, all: '1', limit: String(asked.limit) });
  const nodes = page.assets.map(asset => ({
    key: `${name}:${asset.version}`,
    kind: 'environment-version',
    label: `v${asset.version}`,
    note: moment(asset.created),
    data: { name, version: String(asset.version) }
  }));
  return { nodes, more: page.next !== null };
}

async function everywhere(client: IWorkspaceClient, asked: IAsked): Promise<string[]> {
  const { environments } = await client.ask<{ environments: Record<string, unknown> }>('curated-environments');
  return Object.keys(environments).filter(name => name.toLowerCase().includes(asked.text.toLowerCase()));
}

export function environmentsNoun(context: INounContext, empty: () => JSX.Element): INoun {
  const { client, commands, trans } = context;
  const curated = trans.__('Curated');
  return {
    id: 'environments',
    label: trans.__('Environments'),
    search: trans.__('Find environments'),
    changed: change => change.noun === 'environment',
    load: (asking, below, asked) => load(asking, below, asked, curated),
    open: node => (node.kind === 'group' ? null : () => commands.execute(CommandIDs.openEnvironment, node.data)),
    actions: node =>
      node.kind === 'group'
        ? []
        : [
            {
              label: trans.__('Use'),
              title: trans.__('Put a cell into the notebook that runs a script in it'),
              run: () =>
                commands.execute(CommandIDs.useInNotebook, {
                  code: environmentCode(node.data.name, node.data.version || null, client.workspace)
                })
            }
          ],
    empty
  };
}
