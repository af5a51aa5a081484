import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, InputDialog } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import { modelCode } from '../notebook/snippets';
import { ISections, IWorkspaceClient } from '../tokens';
import { IAssets } from '../wire';
import { addCopyName, addRowCommand, beginNoun, thingPages } from './nouns';

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
    const { trans, openRun, insert, sure, told } = beginNoun(app, client, sections, translator, {
      id: 'models',
      rank: 30,
      label: trans => trans.__('Models'),
      code: () => import('../panels/models')
    });
    const { commands } = app;

    /** Ask; whether a version is to be deleted. */
    const sureOf = (name: string, version: number | string) =>
      sure(
        trans.__('Delete version %1 of the model “%2”?', version, name),
        trans.__('Its files are gone for good, and its number is not given again. Other versions stay.'),
        trans.__('Delete')
      );

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
            openRun,
            insert,
            remove: async model => {
              const thing = model.thing;
              const last = thing?.versions.length === 1;
              if (thing && (await sureOf(thing.name, thing.version)) && (await model.remove()) && last) {
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
      execute: ({ name, version }) => insert(modelCode(name, version, client.workspace))
    });
    addRowCommand(app, {
      id: CommandIDs.deleteModel,
      label: trans.__('Delete this Version…'),
      kinds: KINDS,
      takes: ['name', 'version'],
      rank: 9,
      execute: async ({ name, version }) => {
        if (await sureOf(name, version)) {
          await told(client.ask(`models/${encodeURIComponent(name)}/versions/${version}`, {}, 'DELETE'));
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
