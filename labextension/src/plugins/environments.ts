import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import { environmentCode } from '../notebook/snippets';
import { ISections, IWorkspaceClient } from '../tokens';
import { addCopyName, addRowCommand, thingPages } from './nouns';

const OWN = ['environment', 'environment-version'];
const KINDS = [...OWN, 'curated'];

/** Environments in the sidebar, and their pages. */
export const environments: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-aml:environments',
  description: 'Shows environments in the sidebar, and opens one as a page: packages, versions, definition.',
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
    sections.add({
      id: 'environments',
      label: trans.__('Environments'),
      rank: 50,
      load: async () => (await import('../panels/environments')).section({ client, commands, trans })
    });

    const sure = async (name: string, version: number | string) =>
      (
        await showDialog({
          title: trans.__('Delete version %1 of the environment “%2”?', version, name),
          body: trans.__('Runs that were executed in it keep their own description of it. Other versions stay.'),
          buttons: [
            Dialog.cancelButton({ label: trans.__('Cancel') }),
            Dialog.warnButton({ label: trans.__('Delete') })
          ]
        })
      ).button.accept;

    const open = thingPages(app, {
      noun: 'environment',
      command: CommandIDs.openEnvironment,
      restorer,
      keyOf: args => String(args.name ?? ''),
      argsOf: args => ({ name: String(args.name) }),
      make: async (args, close) => {
        const { environmentContent } = await import('../pages/environments');
        const page = environmentContent(
          client,
          String(args.name),
          args.version,
          {
            insert,
            remove: async model => {
              const thing = model.thing;
              const last = thing?.versions.length === 1;
              if (thing && (await sure(thing.name, thing.version)) && (await model.remove()) && last) {
                close();
              }
            }
          },
          trans
        );
        return page;
      }
    });
    addRowCommand(app, {
      id: CommandIDs.openEnvironment,
      label: trans.__('Open Environment'),
      kinds: KINDS,
      takes: ['name', 'version'],
      rank: 1,
      execute: ({ name, version, kind }) => open(kind === 'environment' ? { name } : { name, version })
    });
    addRowCommand(app, {
      id: CommandIDs.useEnvironment,
      label: trans.__('Use in the Notebook'),
      kinds: KINDS,
      takes: ['name', 'version'],
      rank: 2,
      execute: ({ name, version }) => insert(environmentCode(name, version || null, client.workspace))
    });
    addRowCommand(app, {
      id: CommandIDs.deleteEnvironment,
      label: trans.__('Delete this Version…'),
      kinds: OWN,
      takes: ['name', 'version'],
      rank: 9,
      execute: async ({ name, version }) => {
        if (await sure(name, version)) {
          try {
            await client.ask(`environments/${encodeURIComponent(name)}/versions/${version}`, {}, 'DELETE');
          } catch (error) {
            Notification.error((error as Error).message, { autoClose: 8000 });
          }
        }
      }
    });
    addCopyName(app, CommandIDs.copyEnvironmentName, KINDS, trans);
  }
};
