import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { createElement } from 'react';

import { IWorkspaceClient } from '../../tokens';
import { IExperimentActions, archiveRuns, cancelRuns, removeRuns } from './actions';
import { ExperimentBody } from './body';
import { anyLive } from './cells';
import { ExperimentModel } from './model';
import { IViewStore } from './view';

/** What an experiment's tab shows; loaded when the first one is opened. */
export class ExperimentContent extends ReactWidget {
  constructor(
    client: IWorkspaceClient,
    name: string,
    store: IViewStore,
    private readonly _actions: IExperimentActions & { menu(x: number, y: number): void },
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('aml-WidePage');
    this.model = new ExperimentModel(client, name, store);
  }

  readonly model: ExperimentModel;

  /** Ids of the runs that are selected. */
  get selected(): string[] {
    return this.model.selectedRows.map(row => row.id);
  }

  /** Whether any of the selected runs goes on. */
  get live(): boolean {
    return anyLive(this.model.selectedRows);
  }

  removeSelected(): Promise<void> {
    return removeRuns(this.model, this.model.selectedRows, this._trans);
  }

  /** Put the selected runs away; take them back where those are listed that were put away. */
  archiveSelected(): Promise<void> {
    return archiveRuns(this.model, this.model.selectedRows, !this.model.view.archived, this._trans);
  }

  cancelSelected(): Promise<void> {
    return cancelRuns(this.model, this.model.selectedRows, this._trans);
  }

  render(): JSX.Element {
    return createElement(ExperimentBody, {
      model: this.model,
      actions: this._actions,
      menu: (x: number, y: number) => this._actions.menu(x, y),
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
