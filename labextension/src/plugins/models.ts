import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, InputDialog, Notification, showDialog } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import { modelCode } from '../notebook/snippets';
import { ISections, IWorkspaceClient } from '../tokens';
import { IAssets } from '../wire';
import { addCopyName, addRowCommand, thingPages } from './nouns';

const KINDS = ['model', 'model-version'];

/** Models in the sidebar, and their pages. */
export const models: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-aml:models',
  description: 'Shows registered models in the sidebar, and opens one as a page: versions, files, lineage.',
  autoStart: true,
  requires: [IWorkspaceClient, ISections],
  optional: [ITranslator, ILayoutRestorer, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    client: IWorkspaceClient,
    sections: ISections,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_aml');
    const { commands } = app;
    sections.add({
      id: 'models',
      label: trans.__('Models'),
      rank: 30,
      load: async () => (await import('../panels/models')).section({ client, commands, trans })
    });

    /** Ask; whether a version is to be deleted. */
    const sure = async (name: string, version: number | string) =>
      (
        await showDialog({
          title: trans.__('Delete version %1 of the model “%2”?', version, name),
          body: trans.__('Its files are gone for good, and its number is not given again. Other versions stay.'),
          buttons: [
            Dialog.cancelButton({ label: trans.__('Cancel') }),
            Dialog.warnButton({ label: trans.__('Delete') })
          ]
        })
      ).button.accept;

    const open = thingPages(app, {
      noun: 'model',
      command: CommandIDs.openModel,
      restorer,
      keyOf: args => String(args.name ?? ''),
      argsOf: args => ({ name: String(args.name) }),
      make: async (args, close) => {
        const { modelContent } = await import('../pages/models');
        return modelContent(
          client,
          String(args.name),
          args.version,
          {
            openRun: id => void commands.execute(CommandIDs.openRun, { id }),
            insert: code => void commands.execute(CommandIDs.useInNotebook, { code }),
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
      }
    });

    addRowCommand(app, {
      id: CommandIDs.openModel,
      label: trans.__('Open Model'),
      kinds: KINDS,
      takes: ['name', 'version'],
      rank: 1,
      execute: data => open(data.kind === 'model' ? { name: data.name } : data)
    });
    addRowCommand(app, {
      id: CommandIDs.useModel,
      label: trans.__('Use in the Notebook'),
      kinds: KINDS,
      takes: ['name', 'version'],
      rank: 2,
      execute: ({ name, version }) =>
        commands.execute(CommandIDs.useInNotebook, { code: modelCode(name, version, client.workspace) })
    });
    addRowCommand(app, {
      id: CommandIDs.deleteModel,
      label: trans.__('Delete this Version…'),
      kinds: KINDS,
      takes: ['name', 'version'],
      rank: 9,
      execute: async ({ name, version }) => {
        if (await sure(name, version)) {
          try {
            await client.ask(`models/${encodeURIComponent(name)}/versions/${version}`, {}, 'DELETE');
          } catch (error) {
            Notification.error((error as Error).message, { autoClose: 8000 });
          }
        }
      }
    });
    addCopyName(app, CommandIDs.copyModelName, KINDS, trans);
    commands.addCommand(CommandIDs.findModel, {
      label: trans.__('Open Model…'),
      describedBy: { args: { type: 'object', properties: {} } },
      execute: async () => {
        const page = await client.ask<IAssets>('models', { limit: '1000' });
        const items = page.assets.map(one => one.name);
        const { value } = await InputDialog.getItem({ title: trans.__('Open a model'), items });
        if (value) {
          await open({ name: value });
        }
      }
    });
    palette?.addItem({ command: CommandIDs.findModel, category: trans.__('Experiments') });
  }
};
