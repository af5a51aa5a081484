import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, InputDialog, Notification, showDialog } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import { codeOf } from '../panels/data/code';
import type { IDataset } from '../panels/data/wire';
import { ISections, IWorkspaceClient } from '../tokens';
import { addCopyName, addRowCommand, thingPages } from './nouns';

/** Datasets and datastores in the sidebar, and their pages. */
export const data: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-aml:data',
  description: 'Shows datasets and datastores in the sidebar, and opens them as pages: rows, profile, lineage, files.',
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
    const openRun = (id: string) => void commands.execute(CommandIDs.openRun, { id });
    const insert = (code: string) => void commands.execute(CommandIDs.useInNotebook, { code });
    sections.add({
      id: 'data',
      label: trans.__('Data'),
      rank: 40,
      load: async () => (await import('../panels/data')).section({ client, commands, trans })
    });

    const sure = async (name: string) =>
      (
        await showDialog({
          title: trans.__('Unregister “%1”?', name),
          body: trans.__(
            'The name and all of its versions are taken out of the workspace. The data stay where they lie.'
          ),
          buttons: [
            Dialog.cancelButton({ label: trans.__('Cancel') }),
            Dialog.warnButton({ label: trans.__('Unregister') })
          ]
        })
      ).button.accept;

    const openDataset = thingPages(app, {
      noun: 'dataset',
      command: CommandIDs.openDataset,
      restorer,
      keyOf: args => String(args.name ?? ''),
      argsOf: args => ({ name: String(args.name) }),
      make: async (args, close) => {
        const { dataContent } = await import('../pages/data');
        const remove = async (model: { name: string; remove(): Promise<boolean> }) => {
          if ((await sure(model.name)) && (await model.remove())) {
            close();
          }
        };
        return dataContent(client, String(args.name), args.version, { openRun, insert, remove }, trans);
      }
    });
    const openDatastore = thingPages(app, {
      noun: 'datastore',
      command: CommandIDs.openDatastore,
      restorer,
      keyOf: args => String(args.datastore ?? ''),
      argsOf: args => ({ datastore: String(args.datastore) }),
      make: async args => {
        const { datastoreContent } = await import('../pages/data/datastore');
        return datastoreContent(client, String(args.datastore), String(args.path ?? ''), { insert }, trans);
      }
    });

    addRowCommand(app, {
      id: CommandIDs.openDataset,
      label: trans.__('Open Dataset'),
      kinds: ['dataset'],
      takes: ['name', 'version'],
      rank: 1,
      execute: ({ name, version, kind }) => openDataset(kind || version === undefined ? { name } : { name, version })
    });
    addRowCommand(app, {
      id: CommandIDs.openDatastore,
      label: trans.__('Open in the Datastore'),
      kinds: ['datastore', 'folder', 'file'],
      takes: ['datastore', 'path'],
      rank: 1,
      execute: ({ datastore, path }) => openDatastore({ datastore, path: path ?? '' })
    });
    addRowCommand(app, {
      id: CommandIDs.useData,
      label: trans.__('Use in the Notebook'),
      kinds: ['dataset', 'datastore', 'folder', 'file'],
      takes: ['kind', 'name', 'version', 'type', 'datastore', 'path'],
      rank: 2,
      execute: given => {
        const code = codeOf({ kind: given.kind, data: given }, client.workspace);
        if (code !== null) {
          insert(code);
        }
      }
    });
    addRowCommand(app, {
      id: CommandIDs.downloadFile,
      label: trans.__('Download'),
      kinds: ['file'],
      takes: ['datastore', 'path'],
      rank: 3,
      execute: ({ datastore, path }) => {
        const link = document.createElement('a');
        link.href = client.address(`datastores/${encodeURIComponent(datastore)}/file`, { path });
        link.download = path.split('/').pop() ?? path;
        link.click();
      }
    });
    addRowCommand(app, {
      id: CommandIDs.deleteDataset,
      label: trans.__('Unregister…'),
      kinds: ['dataset'],
      takes: ['name'],
      rank: 9,
      execute: async ({ name }) => {
        if (await sure(name)) {
          try {
            await client.ask(`datasets/${encodeURIComponent(name)}`, {}, 'DELETE');
          } catch (error) {
            Notification.error((error as Error).message, { autoClose: 8000 });
          }
        }
      }
    });
    addCopyName(app, CommandIDs.copyDataName, ['dataset', 'datastore', 'folder', 'file'], trans);
    commands.addCommand(CommandIDs.findDataset, {
      label: trans.__('Open Dataset…'),
      describedBy: { args: { type: 'object', properties: {} } },
      execute: async () => {
        const items = (await client.ask<{ datasets: IDataset[] }>('datasets')).datasets.map(one => one.name);
        const { value } = await InputDialog.getItem({ title: trans.__('Open a dataset'), items });
        if (value) {
          await openDataset({ name: value });
        }
      }
    });
    palette?.addItem({ command: CommandIDs.findDataset, category: trans.__('Experiments') });
  }
};
