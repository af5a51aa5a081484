import { createElement } from 'react';

import { ISectionContent } from '../../tokens';
import { treeSection } from '../assets';
import { INounContext } from '../assets/types';
import { NoEnvironments } from './body';
import { environmentsNoun } from './model';

/** The sidebar's section of environments. */
export function section(context: INounContext): ISectionContent {
  return treeSection(
    environmentsNoun(context, () => createElement(NoEnvironments, { trans: context.trans })),
    context
  );
}
