import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { createElement } from 'react';

import { amlIcon } from '../../icons';
import { SectionsModel } from '../sections/model';
import { IRunsProps, RunsBody } from './body';
import { RunsModel } from './model';

/** The left panel: experiments and their runs, and the sections of everything else. */
export class RunsPanel extends ReactWidget {
  constructor(
    readonly model: RunsModel,
    private readonly _sections: SectionsModel,
    private readonly _actions: IRunsProps['actions'],
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.id = 'jupyter-aml-runs';
    this.addClass('aml-Panel');
    this.title.icon = amlIcon;
    this.title.caption = _trans.__('Experiments and runs');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', this.title.caption);
  }

  render(): JSX.Element {
    return createElement(RunsBody, {
      model: this.model,
      sections: this._sections,
      actions: this._actions,
      trans: this._trans
    });
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.model.dispose();
      super.dispose();
    }
  }
}
