import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { createElement } from 'react';

import { CommandIDs } from '../commands';
import { fetched } from '../components/opening';
import { amlIcon } from '../icons';
import { SectionsModel } from '../panels/sections/model';
import { ISections, IWorkspaceClient } from '../tokens';
import { LatePanel } from './late';

const OPEN = 'jupyter-aml:sections';

/** The left panel. */
export const runs: JupyterFrontEndPlugin<ISections> = {
  id: 'jupyter-aml:runs',
  description: 'Shows experiments and their runs in the left area, as they happen.',
  autoStart: true,
  provides: ISections,
  requires: [IWorkspaceClient],
  optional: [ITranslator, ILayoutRestorer, ICommandPalette, IStateDB],
  activate: (
    app: JupyterFrontEnd,
    client: IWorkspaceClient,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    state: IStateDB | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_aml');
    const { commands } = app;
    const sections = new SectionsModel({
      load: async () => ((await state?.fetch(OPEN)) as string[] | undefined) ?? null,
      save: async open => state?.save(OPEN, open)
    });
    const panel = new LatePanel({
      load: async () => {
        await app.restored;
        const code = await fetched(() => import('../panels/runs'), trans);
        if (!code) {
          return null;
        }
        const model = new code.RunsModel(client);
        panel.disposed.connect(() => model.dispose());
        return createElement(code.RunsBody, {
          model,
          sections,
          actions: {
            openRun: run => void commands.execute(CommandIDs.openRun, { id: run.id }),
            openExperiment: name => void commands.execute(CommandIDs.openExperiment, { name }),
            jumpToCell: run =>
              void commands.execute(CommandIDs.jumpToCell, {
                path: String(run.details.notebook ?? ''),
                cell: String(run.details.cell_id ?? ''),
                session: run.parent ?? ''
              }),
            switchWorkspace: name => void commands.execute(CommandIDs.switchWorkspace, { name }),
            trackNotebook: () => void commands.execute(CommandIDs.toggleTracking, { tracked: true })
          },
          trans
        });
      }
    });
    panel.id = 'jupyter-aml-runs';
    panel.addClass('aml-Panel');
    panel.title.icon = amlIcon;
    panel.title.caption = trans.__('Experiments and runs');
    panel.node.setAttribute('role', 'region');
    panel.node.setAttribute('aria-label', panel.title.caption);
    app.shell.add(panel, 'left', { rank: 350 });
    restorer?.add(panel, panel.id);
    commands.addCommand(CommandIDs.showRuns, {
      label: args => (args.isLauncher ? trans.__('Experiments and Runs') : trans.__('Show Experiments and Runs')),
      caption: trans.__('The workspace in the left area: its experiments, and what runs'),
      icon: args => (args.isPalette ? undefined : amlIcon),
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => app.shell.activateById(panel.id)
    });
    palette?.addItem({ command: CommandIDs.showRuns, category: trans.__('Experiments'), args: { isPalette: true } });
    return sections;
  }
};
