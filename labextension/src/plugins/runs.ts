import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import { RunsPanel } from '../panels/runs';
import { RunsModel } from '../panels/runs/model';
import { IWorkspaceClient } from '../tokens';

/** The left panel. */
export const runs: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-aml:runs',
  description: 'Shows experiments and their runs in the left area, as they happen.',
  autoStart: true,
  requires: [IWorkspaceClient],
  optional: [ITranslator, ILayoutRestorer, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    client: IWorkspaceClient,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_aml');
    const { commands } = app;
    const panel = new RunsPanel(
      new RunsModel(client),
      {
        openRun: run => void commands.execute(CommandIDs.openRun, { id: run.id }),
        openExperiment: name => void commands.execute(CommandIDs.openExperiment, { name }),
        jumpToCell: run =>
          void commands.execute(CommandIDs.jumpToCell, {
            path: String(run.details.notebook ?? ''),
            cell: String(run.details.cell_id ?? ''),
            session: run.parent ?? ''
          }),
        trackNotebook: () => void commands.execute(CommandIDs.toggleTracking, { tracked: true })
      },
      trans
    );
    app.shell.add(panel, 'left', { rank: 350 });
    restorer?.add(panel, 'jupyter-aml-runs');
    commands.addCommand(CommandIDs.showRuns, {
      label: trans.__('Show Experiments and Runs'),
      execute: () => app.shell.activateById(panel.id)
    });
    palette?.addItem({ command: CommandIDs.showRuns, category: trans.__('Experiments') });
  }
};
