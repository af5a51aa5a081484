import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, InputDialog, Notification, showDialog } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import { computeCode } from '../notebook/snippets';
import { actionsOf } from '../panels/compute/actions';
import type { ICompute } from '../panels/compute/wire';
import { ISections, IWorkspaceClient } from '../tokens';
import { addCopyName, addRowCommand, thingPages } from './nouns';

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
    const trans = (translator ?? nullTranslator).load('jupyter_aml');
    const { commands } = app;
    const insert = (code: string) => void commands.execute(CommandIDs.useInNotebook, { code });
    const route = (name: string) => `compute/${encodeURIComponent(name)}`;
    sections.add({
      id: 'compute',
      label: trans.__('Compute'),
      rank: 60,
      load: async () => (await import('../panels/compute')).section({ client, commands, trans })
    });

    /** Ask the server; what it refuses is told. Whether it was done. */
    const perform = async (ask: () => Promise<unknown>): Promise<boolean> => {
      try {
        await ask();
        return true;
      } catch (error) {
        Notification.error((error as Error).message, { autoClose: 8000 });
        return false;
      }
    };

    const act = (name: string, action: string) => perform(() => client.ask(`${route(name)}/${action}`, {}, 'POST', {}));

    const resize = async (name: string) => {
      const target = await client.ask<ICompute>(route(name));
      const number = async (title: string, value: number | undefined) =>
        (await InputDialog.getNumber({ title, value })).value;
      const least = await number(trans.__('Nodes of “%1” that are always on', name), target.min_nodes);
      const most = least === null ? null : await number(trans.__('Nodes of “%1” at most', name), target.max_nodes);
      return (
        least !== null &&
        most !== null &&
        perform(() => client.ask(route(name), {}, 'PATCH', { min_nodes: least, max_nodes: most }))
      );
    };

    const remove = async (name: string) => {
      const target = await client.ask<ICompute>(route(name));
      const busy = target.queued + target.running;
      const sure = await showDialog({
        title: target.type === 'VirtualMachine' ? trans.__('Detach “%1”?', name) : trans.__('Delete “%1”?', name),
        body:
          busy > 0
            ? trans._n('%1 run on it is cancelled.', '%1 runs on it are cancelled.', busy)
            : trans.__('Runs that were executed on it stay as they are.'),
        buttons: [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.warnButton({ label: trans.__('Delete') })]
      });
      const force = busy > 0 ? '1' : undefined;
      return sure.button.accept && perform(() => client.ask(route(name), { force }, 'DELETE'));
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
            openRun: id => void commands.execute(CommandIDs.openRun, { id }),
            insert,
            perform: async (action, model) => {
              const done =
                action === 'resize'
                  ? await resize(model.name)
                  : action === 'delete'
                    ? await remove(model.name)
                    : await act(model.name, action);
              if (done && action === 'delete') {
                close();
              } else if (done) {
                await model.refresh();
              }
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
        execute: ({ name }) => act(name, action)
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
      execute: ({ name }) => resize(name)
    });
    addCopyName(app, CommandIDs.copyComputeName, KINDS, trans);
    addRowCommand(app, {
      id: CommandIDs.deleteCompute,
      label: trans.__('Delete…'),
      kinds: KINDS,
      takes: ['name'],
      rank: 9,
      execute: ({ name }) => remove(name)
    });
  }
};
