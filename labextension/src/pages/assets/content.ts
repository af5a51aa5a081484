import { ReactWidget } from '@jupyterlab/ui-components';
import { createElement } from 'react';

import { IThingBody, ThingBody } from './body';
import { ThingModel } from './model';
import { IThing } from './types';

/** What the tab of one named thing shows. */
export class ThingContent<T extends IThing> extends ReactWidget {
  constructor(private readonly _body: IThingBody<T>) {
    super();
    this.addClass('aml-WidePage');
  }

  get model(): ThingModel<T> {
    return this._body.model;
  }

  get label(): string {
    return this.model.name;
  }

  get labelChanged() {
    return this.model.stateChanged;
  }

  /** Show this version; the newest for "" and nothing. */
  showVersion(version: unknown): void {
    this.model.show(versionOf(version));
  }

  render(): JSX.Element {
    return createElement(ThingBody<T>, this._body);
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.model.dispose();
      super.dispose();
    }
  }
}

/** A version's number of a command's arguments; null for the newest. */
export function versionOf(given: unknown): number | null {
  const number = Number(given ?? 0);
  return Number.isInteger(number) && number > 0 ? number : null;
}
