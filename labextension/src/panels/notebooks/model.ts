import { CommandIDs } from '../../commands';
import { moment, runDuration } from '../../format';
import { IWorkspaceClient } from '../../tokens';
import { IPage, IRun, ended } from '../../wire';
import { IAsked, INode, INodes, INoun, INounContext } from '../assets/types';

/** So many of the newest sessions and executions are looked at. */
const RUNS = 500;

/** The notebooks of runs, newest first, with their runs. */
export function byNotebook(runs: readonly IRun[]): Map<string, IRun[]> {
  const found = new Map<string, IRun[]>();
  for (const run of runs) {
    const path = run.details.notebook;
    if (typeof path === 'string' && path) {
      found.set(path, [...(found.get(path) ?? []), run]);
    }
  }
  return found;
}

function notebook(path: string, runs: readonly IRun[]): INode {
  const live = runs.find(run => !ended(run));
  return {
    key: `notebook ${path}`,
    kind: 'notebook',
    label: path.split('/').pop() ?? path,
    note: live ? undefined : moment(runs[0].created),
    count: runs.length,
    status: live?.status,
    hint: path,
    branch: true,
    data: { path, run: runs[0].id }
  };
}

function execution(run: IRun, session: string): INode {
  const name = run.type === 'aml.session' ? session : run.name;
  return {
    key: `run ${run.id}`,
    kind: 'notebook-run',
    label: `${run.number > 0 ? `${run.number} ` : ''}${name}`,
    note: runDuration(run, run.ended ?? Date.now() / 1000),
    status: run.status,
    hint: [run.name, run.status, moment(run.started ?? run.created)].filter(Boolean).join('\n'),
    data: { run: run.id }
  };
}

async function newest(client: IWorkspaceClient): Promise<IRun[]> {
  const types = ['aml.session', 'aml.notebook'];
  return (await client.ask<IPage>('runs', { type: types, everywhere: '1', order: '-created', limit: String(RUNS) }))
    .runs;
}

export function notebooksNoun(context: INounContext, empty: () => JSX.Element): INoun {
  const { client, commands, trans } = context;
  const session = trans.__('session');
  const load = async (_: IWorkspaceClient, below: INode | null, asked: IAsked): Promise<INodes> => {
    const found = byNotebook(await newest(client));
    if (below) {
      const runs = found.get(below.data.path) ?? [];
      return { nodes: runs.slice(0, asked.limit).map(run => execution(run, session)), more: runs.length > asked.limit };
    }
    const fitting = [...found].filter(([path]) => path.toLowerCase().includes(asked.text.toLowerCase()));
    return {
      nodes: fitting.slice(0, asked.limit).map(([path, runs]) => notebook(path, runs)),
      more: fitting.length > asked.limit,
      total: found.size
    };
  };
  return {
    id: 'notebooks',
    label: trans.__('Notebooks'),
    search: trans.__('Find tracked notebooks'),
    // Sessions and executions are the roots of their trees: cells and metrics change nothing here.
    changed: change => change.noun === 'run' && change.id === change.root && change.verb !== 'logged',
    load,
    open: node => () =>
      node.kind === 'notebook'
        ? commands.execute(CommandIDs.openNotebook, { path: node.data.path })
        : commands.execute(CommandIDs.openRun, { id: node.data.run }),
    actions: node =>
      node.kind === 'notebook'
        ? [
            {
              label: trans.__('Newest run'),
              title: trans.__('Open the newest run of this notebook'),
              run: () => commands.execute(CommandIDs.openRun, { id: node.data.run })
            }
          ]
        : [],
    empty
  };
}
