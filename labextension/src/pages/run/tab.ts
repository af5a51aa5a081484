import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { TranslationBundle } from '@jupyterlab/translation';

import { IRun } from '../../wire';
import { RunModel } from './model';

/** Where a run's page can lead, and what it can have done. */
export interface IPageActions {
  openRun(run: { id: string; name?: string }): void;
  jumpToCell(run: IRun): void;
  /** Open the notebook as it ran. */
  openAsItRan(run: IRun): void;
  reproduce(run: IRun): void;
  /** Run again with changed parameters. */
  resubmit(run: IRun): void;
  /** What draws the outputs of cells. */
  readonly rendermime: IRenderMimeRegistry | null;
  /** Open the page of a version of a named thing. */
  openThing(kind: string, name: string, version: number): void;
  /** Ask, then delete. */
  remove(model: RunModel): void;
}

/** What each tab of a run's page is given. */
export interface ITabProps {
  model: RunModel;
  run: IRun;
  actions: IPageActions;
  trans: TranslationBundle;
}
