import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, IToolbarWidgetRegistry, Notification } from '@jupyterlab/apputils';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { CommandIDs } from '../commands';
import { DRIVE } from '../notebook/drive';
import { TrackingModel, TrackingSwitch, chooseExperiment } from '../notebook/tracking';
import { IWorkspaceClient } from '../tokens';

const INTRODUCED = 'jupyter-aml:introduced';

/** The switch on a notebook's toolbar. */
export const tracking: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-aml:tracking',
  description: 'Adds a switch to notebooks: whether their cells are recorded as runs.',
  autoStart: true,
  requires: [IWorkspaceClient, INotebookTracker],
  optional: [IToolbarWidgetRegistry, ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    client: IWorkspaceClient,
    notebooks: INotebookTracker,
    toolbars: IToolbarWidgetRegistry | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_aml');
    // The first tracked notebook that this browser sees shows where its runs are.
    const introduce = () => {
      if (!window.localStorage.getItem(INTRODUCED)) {
        window.localStorage.setItem(INTRODUCED, 'yes');
        void app.restored.then(() => app.commands.execute(CommandIDs.showRuns));
      }
    };
    const models = new WeakMap<NotebookPanel, TrackingModel>();
    const modelOf = (panel: NotebookPanel): TrackingModel => {
      let model = models.get(panel);
      if (!model) {
        const made = (model = new TrackingModel(client, panel, trans));
        models.set(panel, made);
        made.changed.connect(() => made.tracked && introduce());
        panel.disposed.connect(() => made.dispose());
      }
      return model;
    };
    toolbars?.addFactory<NotebookPanel>('Notebook', 'aml-tracking', panel =>
      // What only shows what was cannot be tracked.
      panel.context.path.startsWith(`${DRIVE}:`) ? new Widget() : new TrackingSwitch(modelOf(panel), trans)
    );
    app.commands.addCommand(CommandIDs.toggleTracking, {
      label: trans.__('Track this Notebook'),
      caption: trans.__('Record each cell that is executed as a run'),
      isToggleable: true,
      isToggled: () => (notebooks.currentWidget ? modelOf(notebooks.currentWidget).tracked : false),
      describedBy: { args: { type: 'object', properties: { tracked: { type: 'boolean' } } } },
      execute: async args => {
        const panel = notebooks.currentWidget;
        if (!panel) {
          Notification.info(trans.__('Open a notebook first.'), { autoClose: 4000 });
          return;
        }
        const model = modelOf(panel);
        await model.set(typeof args.tracked === 'boolean' ? args.tracked : !model.tracked);
      }
    });
    app.commands.addCommand(CommandIDs.chooseExperiment, {
      label: trans.__('Record this Notebook into Another Experiment…'),
      caption: trans.__('Choose the experiment that the cells of this notebook are recorded into'),
      isEnabled: () => notebooks.currentWidget !== null,
      describedBy: { args: { type: 'object', properties: { name: { type: 'string' } } } },
      execute: async args => {
        const panel = notebooks.currentWidget;
        if (panel && typeof args.name === 'string' && args.name) {
          await modelOf(panel).choose(args.name);
        } else if (panel) {
          await chooseExperiment(modelOf(panel), trans);
        }
      }
    });
    palette?.addItem({ command: CommandIDs.chooseExperiment, category: trans.__('Experiments') });
    palette?.addItem({ command: CommandIDs.toggleTracking, category: trans.__('Experiments') });
  }
};
