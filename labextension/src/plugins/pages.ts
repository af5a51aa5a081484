import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification, WidgetTracker } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import { RunPage } from '../pages/run';
import { IWorkspaceClient } from '../tokens';

/** Pages of the main area, and the way from a run to its cell. */
export const pages: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-aml:pages',
  description: 'Opens a run as a page of its own, or the cell that it ran.',
  autoStart: true,
  requires: [IWorkspaceClient],
  optional: [ITranslator, ILayoutRestorer, IDocumentManager],
  activate: (
    app: JupyterFrontEnd,
    client: IWorkspaceClient,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    documents: IDocumentManager | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_aml');
    const { commands, shell } = app;
    const tracker = new WidgetTracker<RunPage>({ namespace: 'jupyter-aml-run' });

    const openRun = (id: string) => {
      let page = tracker.find(one => one.model.id === id);
      if (!page) {
        page = new RunPage(
          client,
          id,
          {
            openRun: run => openRun(run.id),
            jumpToCell: run => void jump(String(run.details.notebook ?? ''), String(run.details.cell_id ?? ''))
          },
          trans
        );
        void tracker.add(page);
      }
      if (!page.isAttached) {
        shell.add(page, 'main');
      }
      shell.activateById(page.id);
    };

    const jump = async (path: string, cell: string) => {
      try {
        await showCell(documents, path, cell);
      } catch (error) {
        Notification.warning((error as Error).message, { autoClose: 5000 });
      }
    };

    const showCell = async (manager: IDocumentManager | null, path: string, cell: string) => {
      const panel = manager?.openOrReveal(path);
      if (!(panel instanceof NotebookPanel)) {
        throw new Error(trans.__('There is no notebook %1 to open here.', PathExt.basename(path)));
      }
      await panel.context.ready;
      await panel.revealed;
      const index = panel.content.widgets.findIndex(one => one.model.id === cell);
      if (index < 0) {
        throw new Error(trans.__('The notebook no longer has this cell; its run still has the source.'));
      }
      panel.content.activeCellIndex = index;
      await panel.content.scrollToItem(index, 'center');
      panel.content.activate();
    };

    commands.addCommand(CommandIDs.openRun, {
      label: trans.__('Open Run'),
      describedBy: { args: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] } },
      execute: args => openRun(String(args.id))
    });
    commands.addCommand(CommandIDs.jumpToCell, {
      label: trans.__('Go to the Cell of a Run'),
      describedBy: {
        args: {
          type: 'object',
          properties: { path: { type: 'string' }, cell: { type: 'string' } },
          required: ['path', 'cell']
        }
      },
      execute: args => jump(String(args.path), String(args.cell))
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.openRun,
      args: page => ({ id: page.model.id }),
      name: page => page.model.id
    });
  }
};
