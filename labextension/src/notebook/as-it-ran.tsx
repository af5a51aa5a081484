import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';

/** A line above a notebook as it ran, that says so. */
export class AsItRanHeader extends ReactWidget {
  constructor(
    private readonly _actions: { openRun(): void; reproduce(): void },
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('aml-AsItRan-head');
  }

  render(): JSX.Element {
    const trans = this._trans;
    return (
      <>
        <span>{trans.__('This is the notebook as it ran: it cannot be saved, and no kernel belongs to it.')}</span>
        <button className="aml-Link" onClick={() => this._actions.openRun()}>
          {trans.__('Open the run')}
        </button>
        <button className="aml-Link" onClick={() => this._actions.reproduce()}>
          {trans.__('Reproduce')}
        </button>
      </>
    );
  }
}
