import { ICompute } from '../../panels/compute/wire';
import { IThing, IThings } from '../assets/types';

export interface ITarget extends IThing {
  target: ICompute;
}

/** Nodes come and go without a change of the workspace. */
const LOOK = 3000;

export function route(name: string): string {
  return `compute/${encodeURIComponent(name)}`;
}

/** Compute targets. */
export const targets: IThings<ITarget> = {
  every: LOOK,

  changed: (change, name) =>
    (change.noun === 'compute' && change.id === name) ||
    (change.noun === 'run' && change.id === change.root && change.verb !== 'logged'),

  async load(client, name) {
    const target = await client.ask<ICompute>(route(name));
    const { description, tags } = target;
    return { name, version: 0, versions: [], description: description ?? '', tags: tags ?? {}, target };
  }
};
