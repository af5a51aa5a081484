import { TranslationBundle } from '@jupyterlab/translation';

import { IRun } from '../../wire';
import { CompareModel } from './model';

/** Runs that are drawn, each in a colour of its own. */
export interface IPlotted {
  readonly runs: IRun[];
  place(run: { id: string }): number;
}

/** What a plot of runs is given. */
export interface IPlot {
  model: IPlotted;
  openRun: (id: string) => void;
  trans: TranslationBundle;
}

/** What each tab of a comparison is given. */
export interface IPart {
  model: CompareModel;
  openRun: (id: string) => void;
  trans: TranslationBundle;
}
