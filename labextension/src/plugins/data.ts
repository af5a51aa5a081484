import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, InputDialog } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';

import { Menu } from '@lumino/widgets';

import { CommandIDs } from '../commands';
import { codeOf } from '../panels/data/code';
import type { IDataset, IEntry } from '../panels/data/wire';
import { ISections, IWorkspaceClient } from '../tokens';
import { addCopyName, addRowCommand, beginNoun, thingPages } from './nouns';

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
    const { trans, openRun, insert, sure, told } = beginNoun(app, client, sections, translator, {
      id: 'data',
      rank: 40,
      label: trans => trans.__('Data'),
      code: () => import('../panels/data')
    });
    const { commands } = app;

    const sureOf = (name: string) =>
      sure(
        trans.__('Unregister “%1”?', name),
        trans.__('The name and all of its versions are taken out of the workspace. The data stay where they lie.'),
        trans.__('Unregister')
      );

    const openDataset = thingPages(app, {
      noun: 'dataset',
      command: CommandIDs.openDataset,
      restorer,
      keyOf: args => String(args.name ?? ''),
      argsOf: args => ({ name: String(args.name) }),
      make: async (args, close) => {
        const { dataContent } = await import('../pages/data');
        const remove = async (model: { name: string; remove(): Promise<boolean> }) => {
          if ((await sureOf(model.name)) && (await model.remove())) {
            close();
          }
        };
        return dataContent(client, String(args.name), args.version, { openRun, insert, remove }, trans);
      }
    });
    const menu = (datastore: string, entry: IEntry, x: number, y: number) => {
      const shown = new Menu({ commands });
      const { path, is_folder: folder } = entry;
      const args = { datastore, path, kind: folder ? 'folder' : 'file', name: path };
      const ids = [CommandIDs.useData, ...(folder ? [] : [CommandIDs.downloadFile]), CommandIDs.copyDataName];
      ids.forEach(command => shown.addItem({ command, args }));
      shown.open(x, y);
    };
    const openDatastore = thingPages(app, {
      noun: 'datastore',
      command: CommandIDs.openDatastore,
      restorer,
      keyOf: args => String(args.datastore ?? ''),
      argsOf: args => ({ datastore: String(args.datastore) }),
      make: async args => {
        const { datastoreContent } = await import('../pages/data/datastore');
        return datastoreContent(client, String(args.datastore), String(args.path ?? ''), { insert, menu }, trans);
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
        if (await sureOf(name)) {
          await told(client.ask(`datasets/${encodeURIComponent(name)}`, {}, 'DELETE'));
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
