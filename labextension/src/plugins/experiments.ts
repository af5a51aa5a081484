import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, InputDialog, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { PartialJSONObject } from '@lumino/coreutils';
import { Menu } from '@lumino/widgets';

import { CommandIDs } from '../commands';
import { fetched, settle } from '../components/opening';
import { amlIcon } from '../icons';
import type { ExperimentContent } from '../pages/experiment';
import type { IViewStore, Views } from '../pages/experiment/view';
import { IWorkspaceClient } from '../tokens';

const ID = 'jupyter-aml:experiments';

/** Views in the user's settings; in memory where there are no settings. */
class SettingsViews implements IViewStore {
  constructor(private readonly _settings: ISettingRegistry.ISettings | null) {
    this._all = { ...((_settings?.get('views').composite ?? {}) as Record<string, Views>) };
  }

  load(experiment: string): Views {
    return this._all[experiment] ?? {};
  }

  async save(experiment: string, views: Views): Promise<void> {
    this._all[experiment] = views;
    await this._settings?.set('views', this._all as unknown as PartialJSONObject);
  }

  private readonly _all: Record<string, Views>;
}

/** Pages of experiments. */
export const experiments: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Opens an experiment as a page: its runs in a table, with charts above.',
  autoStart: true,
  requires: [IWorkspaceClient],
  optional: [ITranslator, ILayoutRestorer, ISettingRegistry, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    client: IWorkspaceClient,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    registry: ISettingRegistry | null,
    palette: ICommandPalette | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_aml');
    const { commands, shell } = app;
    const tracker = new WidgetTracker<MainAreaWidget<ExperimentContent>>({ namespace: 'jupyter-aml-experiment' });
    let views: Promise<IViewStore> | null = null;
    const actions = {
      openRun: (id: string) => void commands.execute(CommandIDs.openRun, { id }),
      compare: (ids: string[]) => void commands.execute(CommandIDs.compareRuns, { ids }),
      menu: (x: number, y: number) => {
        const ids = tracker.currentWidget?.content.selected ?? [];
        menu.clearItems();
        if (ids.length === 1) {
          menu.addItem({ command: CommandIDs.openRun, args: { id: ids[0] } });
        }
        menu.addItem({ command: CommandIDs.compareRuns, args: { ids } });
        menu.addItem({ command: CommandIDs.copyRunIds });
        menu.addItem({ type: 'separator' });
        menu.addItem({ command: CommandIDs.cancelRuns });
        menu.addItem({ command: CommandIDs.archiveRuns });
        menu.addItem({ command: CommandIDs.deleteRuns });
        menu.open(x, y);
      }
    };
    const menu = new Menu({ commands });

    const open = async (name: string) => {
      let page = tracker.find(one => one.content.model.name === name);
      if (!page) {
        views ??= Promise.resolve(registry?.load(ID) ?? null).then(
          settings => new SettingsViews(settings),
          () => new SettingsViews(null)
        );
        const [code, store] = await Promise.all([fetched(() => import('../pages/experiment'), trans), views]);
        if (!code) {
          return;
        }
        const content = new code.ExperimentContent(client, name, store, actions, trans);
        page = new MainAreaWidget({ content });
        page.id = `jupyter-aml-experiment-${encodeURIComponent(name)}`;
        page.title.icon = amlIcon;
        page.title.label = name.length > 30 ? `${name.slice(0, 29)}…` : name;
        page.title.caption = trans.__('Experiment %1', name);
        page.title.closable = true;
        page.toolbar.hide();
        await tracker.add(page);
      }
      settle(shell, page);
    };

    /** The experiment of the sidebar's row that a context menu was opened on. */
    const ofRow = () => app.contextMenuHitTest(node => node.dataset.experiment !== undefined)?.dataset.experiment;

    commands.addCommand(CommandIDs.openExperiment, {
      label: args => (args.name === undefined && !ofRow() ? trans.__('Open Experiment…') : trans.__('Open Experiment')),
      icon: args => (args.isPalette ? undefined : amlIcon),
      describedBy: { args: { type: 'object', properties: { name: { type: 'string' } } } },
      execute: async args => {
        let name: string | null | undefined = args.name === undefined ? ofRow() : String(args.name);
        if (!name) {
          const known = (await client.experiments()).map(one => one.name);
          name = (await InputDialog.getItem({ title: trans.__('Open an experiment'), items: known })).value;
        }
        if (name) {
          await open(name);
        }
      }
    });
    const current = () => tracker.currentWidget?.content ?? null;
    const some = () => (current()?.selected.length ?? 0) > 0;
    commands.addCommand(CommandIDs.copyRunIds, {
      label: trans.__('Copy Ids of the Selected Runs'),
      isEnabled: some,
      execute: () => navigator.clipboard.writeText(current()?.selected.join('\n') ?? '')
    });
    commands.addCommand(CommandIDs.cancelRuns, {
      label: trans.__('Cancel the Selected Runs'),
      isEnabled: () => current()?.live ?? false,
      execute: () => current()?.cancelSelected()
    });
    commands.addCommand(CommandIDs.archiveRuns, {
      label: () =>
        current()?.model.view.archived ? trans.__('Restore the Selected Runs') : trans.__('Archive the Selected Runs'),
      isEnabled: some,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => current()?.archiveSelected()
    });
    commands.addCommand(CommandIDs.deleteRuns, {
      label: trans.__('Delete the Selected Runs…'),
      isEnabled: some,
      execute: () => current()?.removeSelected()
    });
    app.contextMenu.addItem({ command: CommandIDs.openExperiment, selector: '.aml-Row[data-experiment]', rank: 1 });
    palette?.addItem({
      command: CommandIDs.openExperiment,
      category: trans.__('Experiments'),
      args: { isPalette: true }
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.openExperiment,
      args: page => ({ name: page.content.model.name }),
      name: page => page.content.model.name
    });
  }
};
