import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { Cell, CodeCell } from '@jupyterlab/cells';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { createElement } from 'react';

import { CommandIDs } from '../commands';
import { fetched } from '../components/opening';
import { historyIcon } from '../icons';
import type { HistoryModel, NotebookBadges, NotebookCells } from '../notebook/cell-runs';
import { IWorkspaceClient } from '../tokens';
import { LatePanel } from './late';

const ID = 'jupyter-aml:badges';

/** What runs say of a notebook's cells: a badge below each, and the history of the active one. */
export const badges: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Shows below each cell how its last run went, and the history of the active cell in the right area.',
  autoStart: true,
  requires: [IWorkspaceClient, INotebookTracker],
  optional: [ITranslator, ISettingRegistry, ILayoutRestorer, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    client: IWorkspaceClient,
    notebooks: INotebookTracker,
    translator: ITranslator | null,
    settings: ISettingRegistry | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_aml');
    const { commands, shell } = app;
    let shown = true;
    let metrics = 2;
    const models = new Map<NotebookPanel, NotebookCells>();
    const drawn = new Map<NotebookPanel, NotebookBadges>();

    const runOf = (panel: NotebookPanel): string => {
      const known = panel.context.model?.getMetadata('jupyter_aml') as { run?: { id?: string } } | undefined;
      return known?.run?.id ?? '';
    };
    const openRun = (id: string) => void commands.execute(CommandIDs.openRun, { id });

    const code = () => fetched(() => import('../notebook/cell-runs'), trans);

    const draw = async (panel: NotebookPanel) => {
      const found = await code();
      const model = models.get(panel);
      let badges = drawn.get(panel);
      if (!shown || !model) {
        badges?.dispose();
        drawn.delete(panel);
        return;
      }
      if (!found) {
        return;
      }
      if (!badges) {
        const actions = {
          openRun: (run: { id: string }) => openRun(run.id),
          showHistory: () => void commands.execute(CommandIDs.showHistory)
        };
        badges = new found.NotebookBadges(panel, model, actions, trans);
        drawn.set(panel, badges);
      }
      badges.metrics = metrics;
      badges.update();
    };

    const meet = async (panel: NotebookPanel) => {
      await panel.context.ready;
      const found = await code();
      if (panel.isDisposed || !found) {
        return;
      }
      const model = new found.NotebookCells(client, () => ({ path: panel.context.localPath, run: runOf(panel) }));
      models.set(panel, model);
      const again = () => void model.refresh();
      panel.context.pathChanged.connect(again);
      panel.disposed.connect(() => {
        drawn.get(panel)?.dispose();
        drawn.delete(panel);
        models.delete(panel);
        model.dispose();
      });
      void draw(panel);
      look();
    };

    // The history follows the active cell.
    let history: HistoryModel | null = null;
    const panel = new LatePanel({
      load: async () => {
        const found = await code();
        if (!found) {
          return null;
        }
        const model = (history = new found.HistoryModel(client));
        panel.disposed.connect(() => model.dispose());
        look();
        model.visible = panel.isVisible;
        return createElement(found.History, {
          model,
          actions: {
            openRun: run => openRun(run.id),
            restore: run => {
              const cell = activeCell();
              if (cell && !cell.model.sharedModel.getMetadata('jupyter_aml')) {
                cell.model.sharedModel.setSource(String(run.details.source ?? ''));
              } else {
                Notification.info(trans.__('Open the notebook itself to put a source back.'), { autoClose: 4000 });
              }
            }
          },
          trans
        });
      },
      shown: visible => {
        if (history) {
          history.visible = visible;
        }
      }
    });
    panel.id = 'jupyter-aml-history';
    panel.addClass('aml-History');
    panel.title.icon = historyIcon;
    panel.title.caption = trans.__('Cell history');
    panel.node.setAttribute('role', 'region');
    panel.node.setAttribute('aria-label', panel.title.caption);
    const activeCell = (): Cell | null => notebooks.activeCell;
    const look = () => {
      const notebook = notebooks.currentWidget;
      const cell = activeCell();
      const cells = notebook ? models.get(notebook) : undefined;
      if (!notebook || !cells || !(cell instanceof CodeCell)) {
        history?.look(null);
        return;
      }
      const known = cell.model.getMetadata('jupyter_aml') as { cell_id?: string } | undefined;
      history?.look({
        id: known?.cell_id || cell.model.id,
        path: notebook.context.localPath,
        run: runOf(notebook),
        cells
      });
    };
    shell.add(panel, 'right', { rank: 900 });
    restorer?.add(panel, panel.id);

    notebooks.widgetAdded.connect((_, added) => void meet(added));
    notebooks.forEach(added => void meet(added));
    notebooks.activeCellChanged.connect(look);
    notebooks.currentChanged.connect(look);

    commands.addCommand(CommandIDs.showHistory, {
      label: trans.__('Show Cell History'),
      caption: trans.__('Executions of the active cell, with what changed in its source and its metrics'),
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => shell.activateById(panel.id)
    });
    commands.addCommand(CommandIDs.openCellRun, {
      label: trans.__('Open Run of Cell'),
      caption: trans.__('The page of the newest run of the active cell'),
      isEnabled: () => activeCell() instanceof CodeCell,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => {
        const notebook = notebooks.currentWidget;
        const run = notebook && models.get(notebook)?.of(activeCell()?.model.id ?? '')[0];
        if (run) {
          openRun(run.id);
        } else {
          Notification.info(trans.__('This cell has no run yet.'), { autoClose: 4000 });
        }
      }
    });
    for (const command of [CommandIDs.showHistory, CommandIDs.openCellRun]) {
      palette?.addItem({ command, category: trans.__('Experiments') });
    }

    void settings?.load(ID).then(
      loaded => {
        const take = () => {
          shown = loaded.get('show').composite as boolean;
          metrics = loaded.get('metrics').composite as number;
          models.forEach((_, notebook) => void draw(notebook));
        };
        loaded.changed.connect(take);
        take();
      },
      (error: Error) => console.warn(`The settings of ${ID} cannot be read: ${error.message}`)
    );
  }
};
