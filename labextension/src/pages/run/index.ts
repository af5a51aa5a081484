import { MainAreaWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { createElement } from 'react';

import { title } from '../../format';
import { amlIcon } from '../../icons';
import { IWorkspaceClient } from '../../tokens';
import { RunBody } from './body';
import { RunModel } from './model';
import { IPageActions } from './tab';

/** A tab of the main area that shows one run. */
export class RunPage extends MainAreaWidget<ReactWidget> {
  constructor(client: IWorkspaceClient, id: string, actions: IPageActions, trans: TranslationBundle) {
    const model = new RunModel(client, id);
    const content = ReactWidget.create(createElement(RunBody, { model, actions, trans }));
    content.addClass('aml-RunPage');
    super({ content });
    this.model = model;
    this.id = `jupyter-aml-run-${id}`;
    this.title.icon = amlIcon;
    this.title.label = trans.__('Run');
    this.title.closable = true;
    this.toolbar.hide();
    model.stateChanged.connect(() => {
      if (model.run) {
        const name = title(model.run);
        this.title.label = name.length > 30 ? `${name.slice(0, 29)}…` : name;
        this.title.caption = `${name}\n${model.run.experiment}\n${model.run.id}`;
      }
    });
  }

  readonly model: RunModel;

  dispose(): void {
    if (!this.isDisposed) {
      this.model.dispose();
      super.dispose();
    }
  }
}
