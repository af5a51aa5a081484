import { createElement } from 'react';

import { CommandIDs } from '../../commands';
import { ISectionContent } from '../../tokens';
import { treeSection } from '../assets';
import { INounContext } from '../assets/types';
import { NoNotebooks } from './body';
import { notebooksNoun } from './model';

/** The sidebar's section of tracked notebooks. */
export function section(context: INounContext): ISectionContent {
  const { commands, trans } = context;
  const track = () => void commands.execute(CommandIDs.toggleTracking, { tracked: true });
  return treeSection(
    notebooksNoun(context, () => createElement(NoNotebooks, { trans, track })),
    context
  );
}
