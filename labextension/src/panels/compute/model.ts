import { CommandIDs } from '../../commands';
import { computeCode } from '../../notebook/snippets';
import { IWorkspaceClient } from '../../tokens';
import { IAsked, INode, INodes, INoun, INounContext, IRowAction } from '../assets/types';
import { actionsOf } from './actions';
import { ICompute } from './wire';

/** A cluster's nodes come and go without a change of the workspace. */
const LOOK = 5000;

function row(one: ICompute): INode {
  const nodes = one.max_nodes === undefined ? '' : `${one.current_nodes ?? 0}/${one.max_nodes}`;
  return {
    key: one.name,
    kind: 'compute',
    label: one.name,
    note: [nodes, one.state].filter(Boolean).join(' · '),
    count: one.queued + one.running > 0 ? one.queued + one.running : undefined,
    hint: [one.name, one.type, one.vm_size, one.description].filter(Boolean).join('\n'),
    data: { name: one.name, type: one.type, state: one.state }
  };
}

async function load(client: IWorkspaceClient, _: INode | null, asked: IAsked): Promise<INodes> {
  const { targets } = await client.ask<{ targets: ICompute[] }>('compute');
  const fitting = targets.filter(one => one.name.toLowerCase().includes(asked.text.toLowerCase()));
  return { nodes: fitting.map(row), more: false, total: targets.length };
}

export function computeNoun(context: INounContext, empty: () => JSX.Element): INoun {
  const { client, commands, trans } = context;
  return {
    id: 'compute',
    label: trans.__('Compute'),
    search: trans.__('Find compute targets'),
    changed: change =>
      change.noun === 'compute' || (change.noun === 'run' && change.id === change.root && change.verb !== 'logged'),
    every: LOOK,
    load,
    open: node => () => commands.execute(CommandIDs.openCompute, node.data),
    actions: node => {
      const { name, type, state } = node.data;
      const offered: IRowAction[] = [];
      const allowed = actionsOf(type, state);
      if (allowed.includes('start')) {
        offered.push({
          label: trans.__('Start'),
          title: trans.__('Start it'),
          run: () => commands.execute(CommandIDs.startCompute, { name })
        });
      }
      if (allowed.includes('stop')) {
        offered.push({
          label: trans.__('Stop'),
          title: trans.__('Stop it; what it has on disk stays'),
          run: () => commands.execute(CommandIDs.stopCompute, { name })
        });
      }
      offered.push({
        label: trans.__('Use'),
        title: trans.__('Put a cell into the notebook that sends a run to it'),
        run: () => commands.execute(CommandIDs.useInNotebook, { code: computeCode(name, client.workspace) })
      });
      return offered;
    },
    empty
  };
}
