import { IWorkspaceClient } from '../../tokens';
import { IAsset, IAssets } from '../../wire';
import { IThing, IThings } from '../assets/types';

/** A version of a model, and what else there is of its name. */
export interface IModel extends IThing {
  asset: IAsset;
  /** Every version, the newest first. */
  all: readonly IAsset[];
  /** alias → version */
  aliases: Record<string, number>;
}

/** Versions that the page tells of. */
const VERSIONS = 1000;

function route(name: string, version: number | 'latest'): string {
  return `models/${encodeURIComponent(name)}/versions/${version}`;
}

/** Where a file of a version is fetched. */
export function fileRoute(asset: Pick<IAsset, 'name' | 'version'>, path: string): string {
  return `${route(asset.name, asset.version)}/files/${path.split('/').map(encodeURIComponent).join('/')}`;
}

export function lineageRoute(thing: IThing): string {
  return `${route(thing.name, thing.version)}/lineage`;
}

/** The registry of models. */
export const models: IThings<IModel> = {
  changed: (change, name) =>
    (change.noun === 'model' && change.id === name) ||
    (change.noun === 'model-alias' && change.id.startsWith(`${name}:`)),

  async load(client, name, version) {
    const [asset, page, { aliases }] = await Promise.all([
      client.ask<IAsset>(route(name, version ?? 'latest')),
      client.ask<IAssets>('models', { name, all: '1', limit: String(VERSIONS) }),
      client.ask<{ aliases: Record<string, number> }>(`models/${encodeURIComponent(name)}/aliases`)
    ]);
    const { description, tags } = asset;
    const versions = page.assets.map(one => one.version);
    return { name, version: asset.version, versions, description, tags, asset, all: page.assets, aliases };
  },

  change: (client, thing, change) => client.ask(route(thing.name, thing.version), {}, 'PATCH', change),
  remove: (client, thing) => client.ask(route(thing.name, thing.version), {}, 'DELETE')
};

/** Let an alias point at a version; with null, take it away. */
export function setAlias(
  client: IWorkspaceClient,
  name: string,
  alias: string,
  version: number | null
): Promise<unknown> {
  const place = `models/${encodeURIComponent(name)}/aliases/${encodeURIComponent(alias)}`;
  return version === null ? client.ask(place, {}, 'DELETE') : client.ask(place, {}, 'PUT', { version });
}

/** Aliases of one version. */
export function aliasesOf(thing: Pick<IModel, 'aliases'>, version: number): string[] {
  return Object.keys(thing.aliases)
    .filter(alias => thing.aliases[alias] === version)
    .sort();
}

export function sizeOf(asset: Pick<IAsset, 'files'>): number {
  return Object.values(asset.files).reduce((sum, [, size]) => sum + size, 0);
}
