import { createElement } from 'react';

import { ISectionContent } from '../../tokens';
import { TreeBody } from './body';
import { TreeModel } from './model';
import { INoun, INounContext } from './types';

/** A section of the sidebar about one kind of things. */
export function treeSection(noun: INoun, context: INounContext): ISectionContent {
  return new TreeSection(context, noun);
}

class TreeSection implements ISectionContent {
  constructor(
    private readonly _context: INounContext,
    noun: INoun
  ) {
    this._model = new TreeModel(_context.client, noun);
  }

  get stateChanged() {
    return this._model.stateChanged as unknown as ISectionContent['stateChanged'];
  }

  get available(): boolean {
    return this._model.available;
  }

  get count(): number | null {
    return this._model.count;
  }

  get isDisposed(): boolean {
    return this._model.isDisposed;
  }

  dispose(): void {
    this._model.dispose();
  }

  render(): JSX.Element {
    return createElement(TreeBody, { model: this._model, trans: this._context.trans });
  }

  private readonly _model: TreeModel;
}
