import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { MainAreaWidget, Notification, WidgetTracker } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import { fetched, settle } from '../components/opening';
import { amlIcon } from '../icons';
import type { CompareContent } from '../pages/compare';
import { IWorkspaceClient } from '../tokens';

/** Pages that show runs beside each other. */
export const compare: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-aml:compare',
  description: 'Opens runs beside each other: values, charts, source and images.',
  autoStart: true,
  requires: [IWorkspaceClient],
  optional: [ITranslator, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    client: IWorkspaceClient,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_aml');
    const { commands, shell } = app;
    const tracker = new WidgetTracker<MainAreaWidget<CompareContent>>({ namespace: 'jupyter-aml-compare' });
    const given = new WeakMap<MainAreaWidget, string>();
    const openRun = (id: string) => void commands.execute(CommandIDs.openRun, { id });

    const open = async (ids: string[]) => {
      const key = [...ids].sort().join();
      let page = tracker.find(one => given.get(one) === key);
      if (!page) {
        const code = await fetched(() => import('../pages/compare'), trans);
        if (!code) {
          return;
        }
        page = new MainAreaWidget({ content: new code.CompareContent(client, ids, openRun, trans) });
        page.id = `jupyter-aml-compare-${key}`;
        page.title.icon = amlIcon;
        page.title.label = trans.__('Compare %1 Runs', ids.length);
        page.title.closable = true;
        page.toolbar.hide();
        given.set(page, key);
        await tracker.add(page);
      }
      settle(shell, page);
    };

    const idsOf = (args: { ids?: unknown }) => (Array.isArray(args.ids) ? args.ids.map(String) : []);
    commands.addCommand(CommandIDs.compareRuns, {
      label: trans.__('Compare Runs'),
      icon: amlIcon,
      // A menu that was opened on fewer than two offers nothing.
      isEnabled: args => args.ids === undefined || idsOf(args).length > 1,
      describedBy: {
        args: {
          type: 'object',
          properties: { ids: { type: 'array', items: { type: 'string' } } },
          required: ['ids']
        }
      },
      execute: async args => {
        const ids = idsOf(args);
        if (ids.length === 0) {
          Notification.info(trans.__('Select runs on an experiment’s page first.'), { autoClose: 4000 });
          return;
        }
        await open(ids);
      }
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.compareRuns,
      args: page => ({ ids: [...page.content.model.ids] }),
      name: page => given.get(page) ?? ''
    });
  }
};
