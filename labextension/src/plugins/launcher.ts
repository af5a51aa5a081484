import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import { trackIcon } from '../icons';
import { IWorkspaceClient } from '../tokens';

/** Ways in for who begins. */
export const launcher: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-aml:launcher',
  description: 'Adds cards to the launcher: a notebook that is tracked from its first cell on, and the experiments.',
  autoStart: true,
  requires: [IWorkspaceClient],
  optional: [ILauncher, IDefaultFileBrowser, ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    _client: IWorkspaceClient,
    cards: ILauncher | null,
    files: IDefaultFileBrowser | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_aml');
    const category = trans.__('Experiments');
    app.commands.addCommand(CommandIDs.newTrackedNotebook, {
      label: args => (args.isLauncher ? trans.__('Tracked Notebook') : trans.__('New Tracked Notebook')),
      caption: trans.__('A new notebook whose cells are recorded as runs'),
      icon: trackIcon,
      describedBy: { args: { type: 'object', properties: { cwd: { type: 'string' } } } },
      execute: async args => {
        const cwd = typeof args.cwd === 'string' ? args.cwd : (files?.model.path ?? '');
        const kernels = app.serviceManager.kernelspecs.specs;
        const kernelName = kernels?.kernelspecs['jupyter-aml'] ? 'jupyter-aml' : (kernels?.default ?? '');
        const opened: unknown = await app.commands.execute('notebook:create-new', { cwd, kernelName });
        if (!(opened instanceof NotebookPanel)) {
          Notification.error(trans.__('No notebook could be made in “%1”.', cwd), { autoClose: 6000 });
          return;
        }
        await opened.context.ready;
        await opened.sessionContext.ready;
        await app.commands.execute(CommandIDs.toggleTracking, { tracked: true });
        await opened.context.save();
      }
    });
    cards?.add({ command: CommandIDs.newTrackedNotebook, category, rank: 1, args: { isLauncher: true } });
    cards?.add({ command: CommandIDs.showRuns, category, rank: 2, args: { isLauncher: true } });
    palette?.addItem({ command: CommandIDs.newTrackedNotebook, category });
  }
};
