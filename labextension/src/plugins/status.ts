import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import { duration, title } from '../format';
import { ActivityModel } from '../notebook/active';
import { StatusItem } from '../notebook/status-item';
import { IWorkspaceClient } from '../tokens';
import { IRun } from '../wire';

const ID = 'jupyter-aml:status';
const LABEL = 60;

/** What goes on in the workspace, wherever one is in JupyterLab. */
export const status: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Shows the workspace and its active runs on the status bar, and tells when a long run has ended.',
  autoStart: true,
  requires: [IWorkspaceClient],
  optional: [ITranslator, IStatusBar, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    client: IWorkspaceClient,
    translator: ITranslator | null,
    bar: IStatusBar | null,
    settings: ISettingRegistry | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_aml');
    /** Seconds; 0 tells nothing. */
    let least = 60;
    const tell = (_: unknown, run: IRun) => {
      const took = (run.ended ?? 0) - (run.started ?? run.created);
      if (least <= 0 || took < least) {
        return;
      }
      const name = title(run);
      const short = name.length > LABEL ? `${name.slice(0, LABEL - 1)}…` : name;
      const options = {
        autoClose: run.status === 'Failed' ? (false as const) : 10_000,
        actions: [
          {
            label: trans.__('Open'),
            callback: () => void app.commands.execute(CommandIDs.openRun, { id: run.id })
          }
        ]
      };
      if (run.status === 'Failed') {
        const why = run.error?.message ? `: ${run.error.message.slice(0, 200)}` : '';
        Notification.error(trans.__('%1 failed after %2', short, duration(took)) + why, options);
      } else if (run.status === 'Canceled') {
        Notification.warning(trans.__('%1 was canceled after %2', short, duration(took)), options);
      } else {
        Notification.success(trans.__('%1 completed in %2', short, duration(took)), options);
      }
    };
    // The workspace is asked when JupyterLab stands: its start is not the slower for it.
    void app.restored.then(() => {
      const model = new ActivityModel(client);
      bar?.registerStatusItem('jupyter-aml:status', {
        item: new StatusItem(model, () => void app.commands.execute(CommandIDs.showRuns), trans),
        align: 'left',
        rank: 90
      });
      model.ended.connect(tell);
    });
    void settings?.load(ID).then(
      loaded => {
        const take = () => {
          least = loaded.get('notifyAfter').composite as number;
        };
        loaded.changed.connect(take);
        take();
      },
      (error: Error) => console.warn(`The settings of ${ID} cannot be read: ${error.message}`)
    );
  }
};
