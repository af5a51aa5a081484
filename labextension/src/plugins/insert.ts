import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { INotebookTracker, NotebookActions } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import { belowRoot } from '../notebook/path';

/** From the workspace into the notebook. */
export const insert: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-aml:insert',
  description: 'Puts a cell into the notebook that uses a model, a dataset, an environment …',
  autoStart: true,
  optional: [INotebookTracker, ITranslator],
  activate: (app: JupyterFrontEnd, notebooks: INotebookTracker | null, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load('jupyter_aml');
    const { commands } = app;

    commands.addCommand(CommandIDs.useInNotebook, {
      label: trans.__('Use in the Notebook'),
      caption: trans.__('Put a cell below the active one'),
      describedBy: { args: { type: 'object', properties: { code: { type: 'string' } }, required: ['code'] } },
      execute: async args => {
        const panel = notebooks?.currentWidget;
        if (!panel) {
          Notification.info(trans.__('Open a notebook first: a cell is put below its active one.'), {
            autoClose: 5000
          });
          return;
        }
        await panel.context.ready;
        if (panel.content.model?.readOnly) {
          Notification.info(trans.__('%1 can only be read.', panel.title.label), { autoClose: 5000 });
          return;
        }
        app.shell.activateById(panel.id);
        NotebookActions.insertBelow(panel.content);
        const cell = panel.content.activeCell;
        if (cell && cell.model.type !== 'code') {
          NotebookActions.changeCellType(panel.content, 'code');
        }
        panel.content.activeCell?.model.sharedModel.setSource(String(args.code));
        await panel.content.scrollToItem(panel.content.activeCellIndex, 'smart');
      }
    });
    commands.addCommand(CommandIDs.openNotebook, {
      label: trans.__('Open Notebook'),
      describedBy: { args: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] } },
      execute: async args => {
        const path = belowRoot(String(args.path), PageConfig.getOption('serverRoot'));
        try {
          // Opening a file that is not there leaves an empty tab.
          await app.serviceManager.contents.get(path, { content: false });
        } catch {
          Notification.warning(
            trans.__(
              'There is no notebook %1 any more: it may have been renamed. Its runs still have its cells.',
              path
            ),
            { autoClose: 6000 }
          );
          return;
        }
        await commands.execute('docmanager:open', { path });
      }
    });
  }
};
