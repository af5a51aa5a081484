import { IAsset, IAssets } from '../../wire';
import { IThing, IThings } from '../assets/types';

export interface IEnvironment extends IThing {
  /** Its description, as the SDK writes it. */
  data: Record<string, unknown>;
  created: number | null;
  user: string;
  /** Whether every workspace has it. */
  curated: boolean;
}

const VERSIONS = 1000;

function route(name: string, version: number | 'latest'): string {
  return `environments/${encodeURIComponent(name)}/versions/${version}`;
}

export function lineageRoute(thing: IThing): string {
  return `${route(thing.name, thing.version)}/lineage`;
}

/** Environments of the workspace; a name that it has not may be a curated one's. */
export const environments: IThings<IEnvironment> = {
  changed: (change, name) => change.noun === 'environment' && change.id === name,

  async load(client, name, version) {
    try {
      const [asset, page] = await Promise.all([
        client.ask<IAsset>(route(name, version ?? 'latest')),
        client.ask<IAssets>('environments', { name, all: '1', limit: String(VERSIONS) })
      ]);
      const { description, tags, data, created, user } = asset;
      const versions = page.assets.map(one => one.version);
      return { name, version: asset.version, versions, description, tags, data, created, user, curated: false };
    } catch (error) {
      if ((error as { status?: number }).status !== 404) {
        throw error;
      }
      const { environments } = await client.ask<{ environments: Record<string, Record<string, unknown>> }>(
        'curated-environments'
      );
      const data = environments[name];
      if (data === undefined) {
        throw error;
      }
      return {
        name,
        version: 0,
        versions: [],
        description: '',
        tags: {},
        data,
        created: null,
        user: '',
        curated: true
      };
    }
  },

  async change(client, thing, change) {
    if (!thing.curated) {
      await client.ask(route(thing.name, thing.version), {}, 'PATCH', change);
    }
  },

  async remove(client, thing) {
    await client.ask(route(thing.name, thing.version), {}, 'DELETE');
  }
};

/** A requirement, cut into the name and what is asked of its version. */
export interface IRequirement {
  name: string;
  wanted: string;
  from: 'conda' | 'pip';
}

/** What an environment asks for, by name. */
export function requirements(data: Record<string, unknown>): IRequirement[] {
  const python = data.python as { condaDependencies?: { dependencies?: unknown[] } } | undefined;
  const found: IRequirement[] = [];
  for (const one of python?.condaDependencies?.dependencies ?? []) {
    if (typeof one === 'string') {
      found.push(cut(one, 'conda'));
    } else if (one && typeof one === 'object' && Array.isArray((one as { pip?: unknown }).pip)) {
      found.push(...(one as { pip: unknown[] }).pip.map(line => cut(String(line), 'pip')));
    }
  }
  return found.sort((a, b) => a.name.localeCompare(b.name));
}

function cut(line: string, from: 'conda' | 'pip'): IRequirement {
  const parts = /^\s*([\w.-]+(?:\[[^\]]*\])?)\s*(.*)$/.exec(line);
  return parts && !line.trim().startsWith('-')
    ? { name: parts[1], wanted: parts[2].trim(), from }
    : { name: line.trim(), wanted: '', from };
}
