import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';

import { useSignal } from '../components/hooks';
import { title } from '../format';
import { amlIcon } from '../icons';
import { ActivityModel } from './active';

/** Names in the item's tooltip. */
const NAMED = 8;

/** The workspace and what runs in it, on the status bar. */
export class StatusItem extends ReactWidget {
  constructor(
    private readonly _model: ActivityModel,
    private readonly _show: () => void,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('aml-StatusItem');
  }

  render(): JSX.Element {
    return <Item model={this._model} show={this._show} trans={this._trans} />;
  }
}

function Item(props: { model: ActivityModel; show: () => void; trans: TranslationBundle }): JSX.Element {
  const { model, show, trans } = props;
  useSignal(model.changed);
  const count = model.active.length;
  const said = model.more ? `${count}+` : String(count);
  const tip = model.error
    ? trans.__('The workspace cannot be read: %1', model.error)
    : [
        trans.__('Workspace %1', model.workspace),
        ...(model.connected ? [] : [trans.__('Not connected to the server: what is shown may be old.')]),
        ...model.active.slice(0, NAMED).map(run => `${run.status}: ${title(run)}`),
        ...(count > NAMED ? ['…'] : [])
      ].join('\n');
  return (
    <button className="aml-StatusItem-button" title={tip} onClick={show}>
      <amlIcon.react tag="span" className="aml-StatusItem-icon" />
      {model.workspace || trans.__('Workspace')}
      {count > 0 && <b>{trans._n('%1 run active', '%1 runs active', count).replace(String(count), said)}</b>}
      {!model.connected && <i>{trans.__('offline')}</i>}
    </button>
  );
}
