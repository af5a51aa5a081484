import { TranslationBundle } from '@jupyterlab/translation';

import { useNow, useSignal } from '../components/hooks';
import { Status } from '../components/status';
import { moment, runDuration, value } from '../format';
import { IRun, ended } from '../wire';
import { HistoryModel, IExecution, SHOWN } from './history-model';

export interface IHistoryActions {
  openRun(run: IRun): void;
  /** Put an execution's source back into its cell. */
  restore(run: IRun): void;
}

export interface IHistoryProps {
  model: HistoryModel;
  actions: IHistoryActions;
  trans: TranslationBundle;
}

/** What became of the cell that is active. */
export function History(props: IHistoryProps): JSX.Element {
  const { model, actions, trans } = props;
  useSignal(model.changed);
  const now = useNow(model.executions.some(one => !ended(one.run)));
  if (!model.cell) {
    return <p className="aml-Message">{trans.__('Select a cell of a notebook to see what became of it.')}</p>;
  }
  return (
    <>
      <header className="aml-History-head">
        <b>{trans.__('Cell history')}</b>
        {model.executions.length > 0 && (
          <span>{trans._n('%1 execution', '%1 executions', model.executions.length)}</span>
        )}
      </header>
      {model.error && (
        <div className="aml-Message aml-mod-error" role="alert">
          {model.error}{' '}
          <button className="aml-Link" onClick={() => void model.refresh()}>
            {trans.__('Try again')}
          </button>
        </div>
      )}
      {model.loading && !model.error && <p className="aml-Message">{trans.__('Loading…')}</p>}
      {!model.loading && !model.error && model.executions.length === 0 && (
        <p className="aml-Message">
          {trans.__(
            'This cell has no runs. Switch “Track” on in the notebook’s toolbar: from then on each execution is kept.'
          )}
        </p>
      )}
      <ol className="aml-History-list">
        {model.executions.map((one, index) => (
          <Execution
            key={one.run.id}
            execution={one}
            first={index === model.executions.length - 1}
            now={now}
            actions={actions}
            trans={trans}
          />
        ))}
      </ol>
      {model.executions.length >= SHOWN && <p className="aml-Message">{trans.__('The newest %1 are shown.', SHOWN)}</p>}
    </>
  );
}

function Execution(props: {
  execution: IExecution;
  first: boolean;
  now: number;
  actions: IHistoryActions;
  trans: TranslationBundle;
}): JSX.Element {
  const { execution, first, now, actions, trans } = props;
  const { run, source, metrics } = execution;
  return (
    <li>
      <div className="aml-History-line">
        <Status status={run.status} trans={trans} />
        <button className="aml-Link" onClick={() => actions.openRun(run)}>
          {moment(run.created)}
        </button>
        <span>{runDuration(run, now)}</span>
        <button
          className="aml-Link aml-History-restore"
          title={trans.__('Put this source back into the cell')}
          onClick={() => actions.restore(run)}
        >
          {trans.__('Restore')}
        </button>
      </div>
      {metrics.length > 0 && (
        <ul className="aml-History-metrics">
          {metrics.map(metric => (
            <li key={metric.name}>
              <i>{metric.name}</i> <b>{value(metric.last)}</b>
              {metric.moved && <small> {metric.moved}</small>}
            </li>
          ))}
        </ul>
      )}
      {run.error && (
        <div className="aml-History-error">
          <b>{run.error.code}</b> {run.error.message}
        </div>
      )}
      {source ? (
        <pre className="aml-Code aml-Diff" aria-label={trans.__('Changes since the execution before')}>
          {source.map((line, index) => (
            <span key={index} className={line.kind === 'gap' ? 'aml-mod-head' : `aml-mod-${line.kind}`}>
              {(line.kind === 'added' ? '+ ' : line.kind === 'removed' ? '− ' : '  ') + line.text}
            </span>
          ))}
        </pre>
      ) : first ? (
        <pre className="aml-Code">{String(run.details.source ?? '')}</pre>
      ) : (
        <small className="aml-History-same">{trans.__('same source')}</small>
      )}
    </li>
  );
}
