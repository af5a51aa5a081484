import { Signal } from '@lumino/signaling';

import type { Changes, IRunsQuery, IWorkspaceClient } from '../src/tokens';
import type { IChange, IExperiment, IMetric, IRun } from '../src/wire';

/** A run with what the test says of it. */
export function run(given: Partial<IRun> = {}): IRun {
  return {
    id: 'r1',
    experiment: 'exp',
    type: 'aml.interactive',
    status: 'Completed',
    parent: null,
    root: null,
    number: 1,
    name: '',
    description: '',
    created: 1,
    started: 1,
    ended: 2,
    user: '',
    host: '',
    error: null,
    snapshot: null,
    params: {},
    tags: {},
    properties: {},
    details: {},
    child_count: 0,
    metrics: {},
    ...given
  };
}

export function metric(name: string, given: Partial<IMetric> = {}): IMetric {
  return {
    run: 'r1',
    name,
    kind: 'scalar',
    count: 1,
    last: 0.5,
    min: 0.5,
    max: 0.5,
    first_time: 0,
    last_time: 0,
    last_step: 0,
    description: '',
    ...given
  };
}

export function experiment(name: string, given: Partial<IExperiment> = {}): IExperiment {
  return {
    id: name,
    name,
    created: 1,
    archived: null,
    description: '',
    tags: {},
    run_count: 0,
    last_activity: null,
    ...given
  };
}

/** A workspace in memory, as far as the panel asks. */
export class MemoryWorkspace {
  all: IRun[] = [];
  groups: IExperiment[] = [];
  asked: IRunsQuery[] = [];
  failing: string | null = null;
  connected = true;
  readonly changed = new Signal<this, Changes>(this);
  readonly connectionChanged = new Signal<this, boolean>(this);

  get client(): IWorkspaceClient {
    return this as unknown as IWorkspaceClient;
  }

  async info() {
    return { version: '0', workspace: { name: 'w', url: 'file:///w', id: 'w' }, track: 'marked', last_change: 0 };
  }

  async experiments() {
    if (this.failing) {
      throw new Error(this.failing);
    }
    return [...this.groups];
  }

  async runs(query: IRunsQuery) {
    this.asked.push(query);
    const fit = this.all.filter(one =>
      query.text
        ? one.name.includes(query.text)
        : query.parent
          ? one.parent === query.parent
          : one.experiment === query.experiment && one.parent === null
    );
    const shown = fit.slice(0, query.limit);
    return { runs: shown, next: shown.length < fit.length ? 'more' : null };
  }

  tell(...changes: Partial<IChange>[]) {
    this.changed.emit(
      changes.map(given => ({
        seq: 1,
        time: 0,
        who: '',
        verb: 'changed',
        noun: 'run',
        id: 'r1',
        experiment: 'exp',
        root: 'r1',
        data: {},
        ...given
      }))
    );
  }
}
