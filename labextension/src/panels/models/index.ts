import { createElement } from 'react';

import { ISectionContent } from '../../tokens';
import { treeSection } from '../assets';
import { INounContext } from '../assets/types';
import { NoModels } from './body';
import { modelsNoun } from './model';

/** The sidebar's section of models. */
export function section(context: INounContext): ISectionContent {
  return treeSection(
    modelsNoun(context, () => createElement(NoModels, { trans: context.trans })),
    context
  );
}
