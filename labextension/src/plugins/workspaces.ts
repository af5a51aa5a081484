import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, InputDialog } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import { IWorkspaceClient } from '../tokens';

/** Which of the server's workspaces is shown. */
export const workspaces: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-aml:workspaces',
  description: 'Shows another of the workspaces that the server offers.',
  autoStart: true,
  requires: [IWorkspaceClient],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    client: IWorkspaceClient,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_aml');

    /** Ask for one of those that are offered. */
    const ask = async (): Promise<string | null> => {
      const offered = await client.workspaces();
      const current = offered.findIndex(one => (client.workspace ? one.name === client.workspace : one.current));
      const items = offered.map(one => one.name);
      const chosen = await InputDialog.getItem({ title: trans.__('Show a workspace'), items, current });
      const found = offered.find(one => one.name === chosen.value);
      return found ? (found.current ? '' : found.name) : null;
    };

    app.commands.addCommand(CommandIDs.switchWorkspace, {
      label: trans.__('Show Another Workspace…'),
      caption: trans.__('The experiments, models and data of another workspace that the server offers'),
      describedBy: { args: { type: 'object', properties: { name: { type: 'string' } } } },
      execute: async args => {
        const name = typeof args.name === 'string' ? args.name : await ask();
        if (name === null || name === client.workspace) {
          return;
        }
        // Pages of the workspace before would look for their things in this one.
        for (const widget of [...app.shell.widgets('main')]) {
          if (widget.id.startsWith('jupyter-aml-')) {
            widget.dispose();
          }
        }
        client.switchWorkspace(name);
      }
    });
    palette?.addItem({ command: CommandIDs.switchWorkspace, category: trans.__('Experiments') });
  }
};
