import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, InputDialog, Notification, WidgetTracker, showDialog } from '@jupyterlab/apputils';
import { PageConfig, PathExt } from '@jupyterlab/coreutils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { NotebookPanel } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ServerConnection } from '@jupyterlab/services';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import { fetched, settle } from '../components/opening';
import { belowRoot } from '../notebook/path';
import { title } from '../format';
import type { RunPage } from '../pages/run';
import type { RunModel } from '../pages/run/model';
import { IWorkspaceClient } from '../tokens';

/** Pages of the main area, and the way from a run to its cell. */
export const pages: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-aml:pages',
  description: 'Opens a run as a page of its own, or the cell that it ran.',
  autoStart: true,
  requires: [IWorkspaceClient],
  optional: [ITranslator, ILayoutRestorer, IDocumentManager, ICommandPalette, IRenderMimeRegistry],
  activate: (
    app: JupyterFrontEnd,
    client: IWorkspaceClient,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    documents: IDocumentManager | null,
    palette: ICommandPalette | null,
    rendermime: IRenderMimeRegistry | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_aml');
    const { commands, shell } = app;
    const tracker = new WidgetTracker<RunPage>({ namespace: 'jupyter-aml-run' });

    const openRun = async (id: string) => {
      // The page, with its charts, is fetched when the first one is opened.
      const code = await fetched(() => import('../pages/run'), trans);
      if (!code) {
        return;
      }
      let page = tracker.find(one => one.model.id === id);
      if (!page) {
        page = new code.RunPage(
          client,
          id,
          {
            openRun: run => void openRun(run.id),
            jumpToCell: run =>
              void jump(String(run.details.notebook ?? ''), String(run.details.cell_id ?? ''), run.parent),
            openAsItRan: run => void commands.execute(CommandIDs.openAsItRan, { id: run.id }),
            reproduce: run => void commands.execute(CommandIDs.reproduceRun, { id: run.id }),
            resubmit: run => void commands.execute(CommandIDs.resubmitRun, { id: run.id }),
            openThing: (kind, name, version) => void commands.execute(`aml:open-${kind}`, { name, version }),
            remove: model => void remove(model),
            rendermime
          },
          trans
        );
        void tracker.add(page);
      }
      settle(shell, page);
    };

    const remove = async (model: RunModel) => {
      const run = model.run;
      if (!run) {
        return;
      }
      const below = run.child_count > 0 ? ' ' + trans.__('What ran below it is deleted with it.') : '';
      const sure = await showDialog({
        title: trans.__('Delete “%1”?', title(run)),
        body: trans.__('Its metrics and files are gone for good.') + below,
        buttons: [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.warnButton({ label: trans.__('Delete') })]
      });
      if (sure.button.accept && (await model.delete())) {
        tracker.find(page => page.model === model)?.dispose();
      }
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
      label: args => (args.isPalette ? trans.__('Open Run…') : trans.__('Open Run')),
      caption: trans.__('The page of a run, by its id'),
      describedBy: { args: { type: 'object', properties: { id: { type: 'string' } } } },
      execute: async args => {
        let id = typeof args.id === 'string' ? args.id : null;
        if (!id) {
          const asked = await InputDialog.getText({ title: trans.__('Open a Run'), label: trans.__('Run id') });
          id = asked.value?.trim() || null;
        }
        if (id) {
          await openRun(id);
        }
      }
    });
    palette?.addItem({ command: CommandIDs.openRun, category: trans.__('Experiments'), args: { isPalette: true } });
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
