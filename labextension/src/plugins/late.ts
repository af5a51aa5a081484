import { ReactWidget } from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';
import * as React from 'react';

export interface ILateOptions {
  /** Made, by code that is fetched then, when the panel is seen for the first time; null: tried again the next time. */
  load(): Promise<React.ReactElement | null>;
  /** Called whenever the panel came into sight, or went out of it. */
  shown?(visible: boolean): void;
}

/** A panel at a side. Of what it shows nothing is made, fetched or drawn before it is seen: JupyterLab starts faster. */
export class LatePanel extends ReactWidget {
  constructor(private readonly _options: ILateOptions) {
    super();
  }

  render(): React.ReactElement | null {
    return this._content;
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) {
      void this._begin();
    }
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._options.shown?.(true);
    void this._begin();
  }

  protected onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this._options.shown?.(false);
  }

  protected onUpdateRequest(message: Message): void {
    if (this._content) {
      super.onUpdateRequest(message);
    }
  }

  private async _begin(): Promise<void> {
    if (this._content || this._loading) {
      return;
    }
    this._loading = true;
    try {
      this._content = await this._options.load();
    } finally {
      this._loading = false;
    }
    if (!this.isDisposed) {
      this.update();
    }
  }

  private _content: React.ReactElement | null = null;
  private _loading = false;
}
