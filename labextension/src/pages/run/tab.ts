import { TranslationBundle } from '@jupyterlab/translation';

import { IRun } from '../../wire';
import { RunModel } from './model';

/** Where a run's page can lead. */
export interface IPageActions {
  openRun(run: { id: string; name?: string }): void;
  jumpToCell(run: IRun): void;
}

/** What each tab of a run's page is given. */
export interface ITabProps {
  model: RunModel;
  run: IRun;
  actions: IPageActions;
  trans: TranslationBundle;
}
