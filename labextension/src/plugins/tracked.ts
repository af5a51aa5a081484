import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import { ISections, IWorkspaceClient } from '../tokens';
import { rowData } from './nouns';

/** Tracked notebooks in the sidebar. */
export const tracked: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-aml:notebooks',
  description: 'Shows the notebooks that were tracked in the sidebar, with their sessions and executions.',
  autoStart: true,
  requires: [IWorkspaceClient, ISections],
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, client: IWorkspaceClient, sections: ISections, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load('jupyter_aml');
    const { commands } = app;
    sections.add({
      id: 'notebooks',
      label: trans.__('Notebooks'),
      rank: 20,
      load: async () => (await import('../panels/notebooks')).section({ client, commands, trans })
    });
    // What a row does without a command of its own: its data are the arguments.
    const item = (
      id: string,
      label: string,
      kind: string,
      rank: number,
      run: (data: Record<string, string>) => unknown
    ) => {
      commands.addCommand(id, {
        label,
        describedBy: { args: { type: 'object', properties: {} } },
        isEnabled: () => rowData(app, kind) !== null,
        execute: () => {
          const data = rowData(app, kind);
          return data ? run(data) : undefined;
        }
      });
      app.contextMenu.addItem({ command: id, selector: `.aml-Row[data-kind="${kind}"]`, rank });
    };
    item(CommandIDs.openRowNotebook, trans.__('Open Notebook'), 'notebook', 1, ({ path }) =>
      commands.execute(CommandIDs.openNotebook, { path })
    );
    item(CommandIDs.openNewestRun, trans.__('Open its Newest Run'), 'notebook', 2, ({ run }) =>
      commands.execute(CommandIDs.openRun, { id: run })
    );
    item(CommandIDs.openRowRun, trans.__('Open Run'), 'notebook-run', 1, ({ run }) =>
      commands.execute(CommandIDs.openRun, { id: run })
    );
  }
};
