import { stopIcon } from '@jupyterlab/ui-components';
import { TranslationBundle } from '@jupyterlab/translation';

import { Status } from '../../components/status';
import { Caret, indent, onTreeKey } from '../../components/tree';
import { mainMetrics, moment, runDuration, title, value } from '../../format';
import { IExperiment, IRun, ended } from '../../wire';
import { RunList } from './list';
import { RunsModel } from './model';

/** How many of a run's metrics its row shows, and its hint. */
const SHOWN = 4;
const HINTED = 12;

/** What rows can do besides opening and closing. */
export interface IActions {
  openRun(run: IRun): void;
  openExperiment(name: string): void;
  jumpToCell(run: IRun): void;
}

export interface ITree {
  model: RunsModel;
  actions: IActions;
  now: number;
  trans: TranslationBundle;
}

/** An experiment and, when it is open, its runs. */
export function ExperimentRow(props: ITree & { experiment: IExperiment }): JSX.Element {
  const { experiment, model, actions, trans } = props;
  const list = model.runsOf(experiment.name);
  const toggle = () => model.toggleExperiment(experiment.name);
  return (
    <>
      <div
        className="aml-Row aml-mod-experiment"
        role="treeitem"
        aria-level={1}
        aria-expanded={list !== null}
        tabIndex={-1}
        data-experiment={experiment.name}
        onClick={toggle}
        onDoubleClick={() => actions.openExperiment(experiment.name)}
        onKeyDown={event => onTreeKey(event, list !== null, toggle)}
      >
        <Caret open={list !== null} onClick={toggle} label={trans.__('Show or hide the runs')} />
        <span className="aml-Row-title" title={experiment.description || experiment.name}>
          {experiment.name}
        </span>
        <span className="aml-Row-count">{experiment.run_count}</span>
        <span className="aml-Row-actions">
          <button
            title={trans.__('Open it as a page: a table of its runs, and charts')}
            onClick={event => {
              event.stopPropagation();
              actions.openExperiment(experiment.name);
            }}
          >
            {trans.__('Open')}
          </button>
          <button
            title={
              model.archived ? trans.__('Show it among the others again') : trans.__('Hide it; nothing is deleted')
            }
            onClick={event => {
              event.stopPropagation();
              void model.archive(experiment.name, !model.archived);
            }}
          >
            {model.archived ? trans.__('Restore') : trans.__('Archive')}
          </button>
        </span>
      </div>
      {list && (
        <RunRows
          {...props}
          list={list}
          level={2}
          none={experiment.run_count > 0 ? trans.__('All of its runs are archived.') : undefined}
        />
      )}
    </>
  );
}

/** The runs of a list, and how to see more. */
export function RunRows(props: ITree & { list: RunList; level: number; none?: string }): JSX.Element {
  const { list, level, trans } = props;
  return (
    <>
      {list.error && (
        <div className="aml-Message aml-mod-error" role="alert">
          {list.error} <button onClick={() => void list.refresh()}>{trans.__('Try again')}</button>
        </div>
      )}
      {list.runs.map(run => (
        <RunRow key={run.id} {...props} run={run} level={level} />
      ))}
      {list.loaded && !list.error && list.runs.length === 0 && (
        <div className="aml-Message" style={{ paddingLeft: indent(level) }}>
          {props.none ?? trans.__('No runs.')}
        </div>
      )}
      {list.more && (
        <button className="aml-More" onClick={() => void list.showMore()}>
          {trans.__('Show more')}
        </button>
      )}
    </>
  );
}

/** One run: status, name, duration, its newest metrics. */
export function RunRow(props: ITree & { run: IRun; level: number; flat?: boolean }): JSX.Element {
  const { run, model, actions, level, now, trans } = props;
  const children = run.child_count > 0 && !props.flat;
  const list = children ? model.childrenOf(run.id) : null;
  const open = children ? list !== null : null;
  const isCell = run.type === 'aml.cell';
  const toggle = () => model.toggleRun(run);
  const all = mainMetrics(run, HINTED);
  const metrics = all.slice(0, SHOWN);
  const count = run.details.execution_count;
  const hint = [
    title(run),
    run.status,
    run.error?.message,
    moment(run.started ?? run.created),
    run.id,
    ...all.map(metric => `${metric.name} = ${value(metric.last)}`)
  ];
  return (
    <>
      <div
        className={`aml-Row aml-mod-run${isCell ? ' aml-mod-cell' : ''}`}
        style={{ paddingLeft: indent(level) }}
        role="treeitem"
        aria-level={level}
        aria-expanded={open ?? undefined}
        tabIndex={-1}
        data-run={run.id}
        title={hint.filter(Boolean).join('\n')}
        onClick={() => (isCell && run.details.cell_id ? actions.jumpToCell(run) : actions.openRun(run))}
        onKeyDown={event => onTreeKey(event, open, toggle)}
      >
        <Caret open={open} onClick={toggle} label={trans.__('Show or hide the runs below')} />
        <Status status={run.status} trans={trans} />
        <span className="aml-Row-text">
          <span className="aml-Row-first">
            {isCell && typeof count === 'number' && <span className="aml-Row-number">[{count}]</span>}
            {!isCell && run.name !== '' && run.number > 0 && <span className="aml-Row-number">{run.number}</span>}
            <span className="aml-Row-title">{title(run)}</span>
            <span className="aml-Row-duration">{runDuration(run, now)}</span>
          </span>
          {metrics.length > 0 && (
            <span className="aml-Row-metrics">
              {metrics.map(metric => (
                <span
                  key={metric.name}
                  title={`${metric.name} = ${value(metric.last)}`}
                  style={{ gridTemplateColumns: `minmax(${Math.min(metric.name.length, 6)}ch, auto) max-content` }}
                >
                  <i>{metric.name}</i> <b>{value(metric.last)}</b>
                </span>
              ))}
            </span>
          )}
        </span>
        <span className="aml-Row-actions">
          {isCell && (
            <button
              title={trans.__('Open the run of this cell')}
              onClick={event => {
                event.stopPropagation();
                actions.openRun(run);
              }}
            >
              {trans.__('Open')}
            </button>
          )}
          {!ended(run) && run.status !== 'CancelRequested' && (
            <button
              title={run.type === 'aml.session' ? trans.__('Interrupt what it executes') : trans.__('Cancel this run')}
              aria-label={trans.__('Cancel')}
              onClick={event => {
                event.stopPropagation();
                void model.client.cancelRun(run.id);
              }}
            >
              <stopIcon.react tag="span" width="14px" />
            </button>
          )}
        </span>
      </div>
      {list && <RunRows {...props} list={list} level={level + 1} />}
    </>
  );
}
