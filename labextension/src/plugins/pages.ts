import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification, WidgetTracker } from '@jupyterlab/apputils';
import { PageConfig, PathExt } from '@jupyterlab/coreutils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { NotebookPanel } from '@jupyterlab/notebook';
import { ServerConnection } from '@jupyterlab/services';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import { belowRoot } from '../notebook/path';
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
            jumpToCell: run =>
              void jump(String(run.details.notebook ?? ''), String(run.details.cell_id ?? ''), run.parent)
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

    const jump = async (path: string, cell: string, session: string | null) => {
      try {
        await showCell(belowRoot(path, PageConfig.getOption('serverRoot')), cell, session);
      } catch (error) {
        Notification.warning((error as Error).message, { autoClose: 5000 });
      }
    };

    /** A notebook's panel; null where there is no such notebook (opening one that is not there leaves an empty tab). */
    const open = async (path: string): Promise<NotebookPanel | null> => {
      try {
        const model = path ? await app.serviceManager.contents.get(path, { content: false }) : null;
        if (model?.type !== 'notebook') {
          return null;
        }
      } catch (error) {
        if (error instanceof ServerConnection.ResponseError && error.response.status < 500) {
          return null;
        }
        throw error;
      }
      const panel = documents?.openOrReveal(path);
      if (!(panel instanceof NotebookPanel)) {
        return null;
      }
      await panel.context.ready;
      await panel.revealed;
      return panel;
    };

    const place = (panel: NotebookPanel, cell: string) => panel.content.widgets.findIndex(one => one.model.id === cell);

    /** The notebook may have been renamed since: then an open one has the cell, or its session knows the new name. */
    const renamed = async (cell: string, session: string | null): Promise<NotebookPanel | null> => {
      for (const widget of shell.widgets('main')) {
        if (widget instanceof NotebookPanel && place(widget, cell) >= 0) {
          shell.activateById(widget.id);
          return widget;
        }
      }
      const run = session ? await client.run(session).catch(() => null) : null;
      return run ? open(belowRoot(String(run.details.notebook ?? ''), PageConfig.getOption('serverRoot'))) : null;
    };

    const showCell = async (path: string, cell: string, session: string | null) => {
      let panel = await open(path);
      if (!panel || place(panel, cell) < 0) {
        panel = (await renamed(cell, session)) ?? panel;
      }
      if (!panel) {
        throw new Error(
          trans.__('There is no notebook %1 to open here: it may have been renamed.', PathExt.basename(path))
        );
      }
      const index = place(panel, cell);
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
          properties: { path: { type: 'string' }, cell: { type: 'string' }, session: { type: 'string' } },
          required: ['path', 'cell']
        }
      },
      execute: args => jump(String(args.path), String(args.cell), args.session ? String(args.session) : null)
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.openRun,
      args: page => ({ id: page.model.id }),
      name: page => page.model.id
    });
  }
};
