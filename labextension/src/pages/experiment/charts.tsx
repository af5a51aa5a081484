import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Axis, Chart, ILine, Range, ownRange } from '../../components/chart';
import { useLoaded, useTheme } from '../../components/hooks';
import { FIRST_LOOK, LookControls } from '../../components/look';
import { colour } from '../../components/palette';
import { IPoint, Scatter } from '../../components/scatter';
import { Choose } from '../../components/select';
import { title } from '../../format';
import { IRow, ended } from '../../wire';
import { ExperimentModel } from './model';

/** Runs that the chart over runs shows: the newest ones. */
const OVER = 1000;
/** Runs whose series are drawn over each other. */
export const OVERLAID = 20;
const WIDTH = 500;
type Which = 'last' | 'min' | 'max';

/** A metric over the runs, and its series of those that are selected. */
export function Charts(props: {
  model: ExperimentModel;
  open: (id: string) => void;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { model, trans } = props;
  const [which, setWhich] = React.useState<Which>('last');
  const [look, setLook] = React.useState(FIRST_LOOK);
  const { metric } = model;
  if (!metric) {
    return model.fieldsLoaded && model.loaded && model.rows.length > 0 ? (
      <p className="aml-Message">
        {trans.__('None of the runs has logged a number; charts appear here when one does.')}
      </p>
    ) : null;
  }
  return (
    <div className="aml-Over">
      <div className="aml-Controls">
        <Choose
          label={trans.__('Metric')}
          names={model.metrics}
          value={metric}
          onChange={name => model.change({ metric: name })}
        />
        <label>
          {trans.__('Value')}{' '}
          <select value={which} onChange={event => setWhich(event.target.value as Which)}>
            <option value="last">{trans.__('last')}</option>
            <option value="min">{trans.__('lowest')}</option>
            <option value="max">{trans.__('highest')}</option>
          </select>
        </label>
        <LookControls look={look} onChange={setLook} trans={trans} />
      </div>
      <div className="aml-Over-charts">
        <OverRuns {...props} metric={metric} which={which} />
        <Overlay {...props} metric={metric} {...look} />
      </div>
    </div>
  );
}

function OverRuns(props: {
  model: ExperimentModel;
  open: (id: string) => void;
  metric: string;
  which: Which;
  trans: TranslationBundle;
}): JSX.Element {
  const { model, metric, which, trans } = props;
  const field = which === 'last' ? `metrics.${metric}` : `metrics.${metric}.${which}`;
  const { value: found, error } = useLoaded(
    () => model.client.rows({ ...model.query([field]), order: '-created', limit: OVER }),
    [model, field, model.drawn]
  );
  const rows = found?.rows ?? [];
  const numbered = rows.every(row => row.number > 0);
  const points = React.useMemo(
    () =>
      rows
        .map((row, index): IPoint | null => {
          const y = row.values[field];
          return typeof y !== 'number'
            ? null
            : {
                key: row.id,
                label: title(row),
                x: numbered ? row.number : rows.length - index,
                y,
                strong: model.selected.has(row.id)
              };
        })
        .filter(point => point !== null),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- what was found says the rest
    [found, field, model.selected]
  );
  const without = rows.length - points.length;
  return (
    <figure className="aml-Figure">
      <figcaption>
        <b>{trans.__('%1 over the runs', metric)}</b>
        {found?.next && <span>{trans.__('the newest %1', OVER.toLocaleString())}</span>}
        {without > 0 && <span>{trans._n('%1 run without a number', '%1 runs without a number', without)}</span>}
      </figcaption>
      {error && !found && !model.error ? (
        <div className="aml-Message aml-mod-error">{error}</div>
      ) : (
        <Scatter
          points={points}
          best={which === 'min' ? 'lowest' : which === 'max' ? 'highest' : null}
          xLabel={numbered ? trans.__('Number of the run') : trans.__('In the order in which they were created')}
          yLabel={metric}
          onOpen={props.open}
          trans={trans}
        />
      )}
    </figure>
  );
}

function Overlay(props: {
  model: ExperimentModel;
  metric: string;
  axis: Axis;
  logarithmic: boolean;
  smoothing: number;
  trans: TranslationBundle;
}): JSX.Element {
  const { model, metric, axis, logarithmic, smoothing, trans } = props;
  const theme = useTheme();
  const [range, setRange] = React.useState<Range>(null);
  React.useEffect(() => setRange(null), [axis, metric]);
  const chosen = model.selectedRows.slice(0, OVERLAID);
  const ids = chosen.map(row => row.id);
  // Runs that go on are drawn anew with every version of their rows.
  const live = chosen.some(row => !ended(row)) ? model.version : 0;
  const own = axis === 'relative' ? null : range;
  const { value: found, error } = useLoaded(
    () =>
      ids.length === 0
        ? Promise.resolve({})
        : model.client.manySeries(ids, metric, {
            width: WIDTH,
            axis: axis === 'step' ? 'step' : 'time',
            start: own?.[0],
            stop: own?.[1]
          }),
    [ids.join(), metric, axis, own, live]
  );
  // eslint-disable-next-line react-hooks/exhaustive-deps -- by the ids of what is chosen
  const lines = React.useMemo(() => linesOf(chosen, found ?? {}), [found, ids.join()]);
  const shown = axis === 'relative' && range ? lines.map(line => cut(line, ownRange(range, line, axis))) : lines;
  return (
    <figure className="aml-Figure">
      <figcaption>
        <b>{metric}</b>
        {model.selected.size > OVERLAID && <span>{trans.__('the first %1 of those that are selected', OVERLAID)}</span>}
        {range && (
          <button className="aml-Link" onClick={() => setRange(null)}>
            {trans.__('Show all')}
          </button>
        )}
      </figcaption>
      {error && !model.error && <div className="aml-Message aml-mod-error">{error}</div>}
      {ids.length === 0 ? (
        <p className="aml-Message">{trans.__('Select runs in the table to see their series here, over each other.')}</p>
      ) : found && lines.length === 0 ? (
        <p className="aml-Message">{trans.__('None of the selected runs has logged numbers under this name.')}</p>
      ) : (
        <Chart
          lines={shown}
          axis={axis}
          logarithmic={logarithmic}
          smoothing={smoothing}
          theme={theme}
          label={trans.__('%1 of the selected runs', metric)}
          onRange={setRange}
        />
      )}
      <Legend lines={lines} />
    </figure>
  );
}

/** Lines of runs; each keeps the colour of its place among them, whether it has the metric or not. */
export function linesOf(
  rows: readonly Pick<IRow, 'id' | 'type' | 'name' | 'number' | 'details' | 'started' | 'created'>[],
  series: Record<string, ILine['series']>
): ILine[] {
  return rows.flatMap((row, index): ILine[] =>
    series[row.id]
      ? [{ key: row.id, label: title(row), series: series[row.id], origin: row.started ?? row.created, colour: index }]
      : []
  );
}

/** The part of a line that a stretch of time shows. */
export function cut(line: ILine, range: Range): ILine {
  if (!range) {
    return line;
  }
  const { series } = line;
  const first = series.times.findIndex(time => time >= range[0]);
  const after = series.times.findIndex(time => time > range[1]);
  const part = <T,>(given: T[]) => (first < 0 ? [] : given.slice(first, after < 0 ? undefined : after));
  return {
    ...line,
    series: {
      ...series,
      steps: part(series.steps),
      times: part(series.times),
      min: part(series.min),
      max: part(series.max),
      last: part(series.last),
      nonfinite: part(series.nonfinite)
    }
  };
}

/** Which colour is which run. */
export function Legend(props: { lines: readonly ILine[] }): JSX.Element {
  return (
    <ul className="aml-Legend">
      {props.lines.map((line, index) => (
        <li key={line.key} title={line.label}>
          <i className="aml-Swatch" style={{ background: colour(line.colour ?? index) }} />
          {line.label}
        </li>
      ))}
    </ul>
  );
}
