import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import { computeCode } from '../notebook/snippets';
import { actionsOf } from '../panels/compute/actions';
import type { ICompute } from '../panels/compute/wire';
import { ISections, IWorkspaceClient } from '../tokens';
import { addCopyName, addRowCommand, beginNoun, thingPages } from './nouns';

const KINDS = ['compute'];

/** Compute targets in the sidebar, and their pages. */
export const compute: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-aml:compute',
  description:
    'Shows compute targets in the sidebar: their state, nodes and queue; starts, stops, resizes, deletes them.',
  autoStart: true,
  requires: [IWorkspaceClient, ISections],
  optional: [ITranslator, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    client: IWorkspaceClient,
    sections: ISections,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null
  ) => {
    const { trans, openRun, insert, sure, told } = beginNoun(app, client, sections, translator, {
      id: 'compute',
      rank: 60,
      label: trans => trans.__('Compute'),
      code: () => import('../panels/compute')
    });
    const route = (name: string) => `compute/${encodeURIComponent(name)}`;

    const ask = (name: string, action: string) => client.ask(`${route(name)}/${action}`, {}, 'POST', {});

    /** Ask for another size; whether it was given. */
    const resize = async (name: string): Promise<boolean> => {
      const target = await client.ask<ICompute>(route(name));
      const { askSize } = await import('../pages/compute/resize');
      return askSize(target, size => client.ask(route(name), {}, 'PATCH', size), trans);
    };

    /** Delete it if that is wanted; whether it was. */
    const remove = async (name: string): Promise<boolean> => {
      const target = await client.ask<ICompute>(route(name));
      const busy = target.queued + target.running;
      const attached = target.type === 'VirtualMachine';
      const wanted = await sure(
        attached ? trans.__('Detach “%1”?', name) : trans.__('Delete “%1”?', name),
        busy > 0
          ? trans._n('%1 run on it is cancelled.', '%1 runs on it are cancelled.', busy)
          : trans.__('Runs that were executed on it stay as they are.'),
        attached ? trans.__('Detach') : trans.__('Delete')
      );
      if (wanted) {
        await client.ask(route(name), { force: busy > 0 ? '1' : undefined }, 'DELETE');
      }
      return wanted;
    };

    const open = thingPages(app, {
      noun: 'compute',
      command: CommandIDs.openCompute,
      restorer,
      keyOf: args => String(args.name ?? ''),
      argsOf: args => ({ name: String(args.name) }),
      make: async (args, close) => {
        const { computeContent } = await import('../pages/compute');
        return computeContent(
          client,
          String(args.name),
          {
            openRun,
            insert,
            ask,
            resize,
            remove: async name => {
              const done = await remove(name);
              if (done) {
                close();
              }
              return done;
            }
          },
          trans
        );
      }
    });

    addRowCommand(app, {
      id: CommandIDs.openCompute,
      label: trans.__('Open Compute Target'),
      kinds: KINDS,
      takes: ['name'],
      rank: 1,
      execute: ({ name }) => open({ name })
    });
    addRowCommand(app, {
      id: CommandIDs.useCompute,
      label: trans.__('Use in the Notebook'),
      kinds: KINDS,
      takes: ['name'],
      rank: 2,
      execute: ({ name }) => insert(computeCode(name, client.workspace))
    });
    const instance = (id: string, label: string, action: 'start' | 'stop' | 'restart') =>
      addRowCommand(app, {
        id,
        label,
        kinds: KINDS,
        takes: ['name'],
        rank: 3,
        isEnabled: ({ type, state }) => type === undefined || actionsOf(type, state).includes(action),
        execute: ({ name }) => told(ask(name, action))
      });
    instance(CommandIDs.startCompute, trans.__('Start'), 'start');
    instance(CommandIDs.stopCompute, trans.__('Stop'), 'stop');
    instance(CommandIDs.restartCompute, trans.__('Restart'), 'restart');
    addRowCommand(app, {
      id: CommandIDs.resizeCompute,
      label: trans.__('Resize…'),
      kinds: KINDS,
      takes: ['name'],
      rank: 4,
      isEnabled: ({ type }) => type === undefined || type === 'AmlCompute',
      execute: ({ name }) => told(resize(name))
    });
    addCopyName(app, CommandIDs.copyComputeName, KINDS, trans);
    addRowCommand(app, {
      id: CommandIDs.deleteCompute,
      label: trans.__('Delete…'),
      kinds: KINDS,
      takes: ['name'],
      rank: 9,
      execute: ({ name }) => told(remove(name))
    });
  }
};
