import { TranslationBundle } from '@jupyterlab/translation';

import { CompareModel } from './model';

/** What each tab of a comparison is given. */
export interface IPart {
  model: CompareModel;
  openRun: (id: string) => void;
  trans: TranslationBundle;
}
