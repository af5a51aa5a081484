import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { createElement } from 'react';

import { IWorkspaceClient } from '../../tokens';
import { CompareBody } from './body';
import { CompareModel } from './model';

let pages = 0;

/** What a comparison's tab shows; loaded when the first one is opened. */
export class CompareContent extends ReactWidget {
  constructor(
    client: IWorkspaceClient,
    ids: readonly string[],
    private readonly _openRun: (id: string) => void,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('aml-WidePage');
    this.model = new CompareModel(client, ids);
  }

  readonly model: CompareModel;

  render(): JSX.Element {
    return createElement(CompareBody, {
      model: this.model,
      openRun: this._openRun,
      trans: this._trans,
      id: this._own
    });
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.model.dispose();
      super.dispose();
    }
  }

  private readonly _own = `aml-compare-${++pages}`;
}
