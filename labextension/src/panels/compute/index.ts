import { createElement } from 'react';

import { ISectionContent } from '../../tokens';
import { treeSection } from '../assets';
import { INounContext } from '../assets/types';
import { NoCompute } from './body';
import { computeNoun } from './model';

/** The sidebar's section of compute targets. */
export function section(context: INounContext): ISectionContent {
  return treeSection(
    computeNoun(context, () => createElement(NoCompute, { trans: context.trans })),
    context
  );
}
