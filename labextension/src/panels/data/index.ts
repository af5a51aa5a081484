import { createElement } from 'react';

import { ISectionContent } from '../../tokens';
import { treeSection } from '../assets';
import { INounContext } from '../assets/types';
import { NoDatasets } from './body';
import { dataNoun } from './model';

/** The sidebar's section of datasets and datastores. */
export function section(context: INounContext): ISectionContent {
  return treeSection(
    dataNoun(context, () => createElement(NoDatasets, { trans: context.trans })),
    context
  );
}
