import { refreshIcon, ToolbarButton, PanelWithToolbar, ReactWidget } from '@jupyterlab/ui-components';
import { TranslationBundle } from '@jupyterlab/translation';
import { createElement } from 'react';

import { amlIcon } from '../../icons';
import { IRunsProps, RunsBody } from './body';
import { RunsModel } from './model';

/** The left panel: experiments and their runs. */
export class RunsPanel extends PanelWithToolbar {
  constructor(model: RunsModel, actions: IRunsProps['actions'], trans: TranslationBundle) {
    super();
    this.model = model;
    this.id = 'jupyter-aml-runs';
    this.addClass('aml-Panel');
    this.title.icon = amlIcon;
    this.title.caption = trans.__('Experiments and runs');
    this.title.label = '';
    this.node.setAttribute('aria-label', trans.__('Experiments and runs'));
    this.toolbar.addItem(
      'refresh',
      new ToolbarButton({
        icon: refreshIcon,
        tooltip: trans.__('Load anew'),
        onClick: () => void model.refresh()
      })
    );
    const body = ReactWidget.create(createElement(RunsBody, { model, actions, trans }));
    body.addClass('aml-Panel-body');
    this.addWidget(body);
  }

  readonly model: RunsModel;

  dispose(): void {
    if (!this.isDisposed) {
      this.model.dispose();
      super.dispose();
    }
  }
}
