import * as React from 'react';

import { Chart, Range } from '../../components/chart';
import { useLoaded } from '../../components/hooks';
import { value } from '../../format';
import { IMetric } from '../../wire';
import { ITabProps } from './tab';
import { Structured } from './structured';

/** Buckets asked for: about a pixel each. */
const WIDTH = 800;

/** Numbers as tables, series as charts, tables and matrices as they are. */
export function Metrics(props: ITabProps): JSX.Element {
  const { run, trans } = props;
  const [axis, setAxis] = React.useState<'step' | 'time'>('step');
  const [logarithmic, setLogarithmic] = React.useState(false);
  const metrics = Object.values(run.metrics).sort((a, b) => a.name.localeCompare(b.name));
  const numeric = metrics.filter(metric => metric.kind === 'scalar' || metric.kind === 'list');
  const drawn = numeric.filter(metric => metric.count > 1 && metric.min !== null);
  const others = metrics.filter(metric => !numeric.includes(metric) && metric.kind !== 'image');
  if (metrics.length === 0) {
    return <p className="aml-Message">{trans.__('Nothing was logged to this run.')}</p>;
  }
  return (
    <>
      {drawn.length > 0 && (
        <div className="aml-Controls">
          <label>
            {trans.__('Across')}{' '}
            <select value={axis} onChange={event => setAxis(event.target.value as 'step' | 'time')}>
              <option value="step">{trans.__('steps')}</option>
              <option value="time">{trans.__('time')}</option>
            </select>
          </label>
          <label>
            <input type="checkbox" checked={logarithmic} onChange={event => setLogarithmic(event.target.checked)} />{' '}
            {trans.__('Logarithmic')}
          </label>
        </div>
      )}
      <div className="aml-Charts">
        {drawn.map(metric => (
          <SeriesChart key={metric.name} {...props} metric={metric} axis={axis} logarithmic={logarithmic} />
        ))}
      </div>
      {numeric.length > 0 && (
        <table className="aml-Table aml-mod-numbers">
          <thead>
            <tr>
              <th>{trans.__('Metric')}</th>
              <th>{trans.__('Last')}</th>
              <th>{trans.__('Lowest')}</th>
              <th>{trans.__('Highest')}</th>
              <th>{trans.__('Points')}</th>
            </tr>
          </thead>
          <tbody>
            {numeric.map(metric => (
              <tr key={metric.name}>
                <th scope="row" title={metric.description}>
                  {metric.name}
                </th>
                <td>{value(metric.last)}</td>
                <td>{value(metric.min)}</td>
                <td>{value(metric.max)}</td>
                <td>{metric.count}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {others.map(metric => (
        <Structured key={metric.name} {...props} metric={metric} />
      ))}
    </>
  );
}

function SeriesChart(props: ITabProps & { metric: IMetric; axis: 'step' | 'time'; logarithmic: boolean }): JSX.Element {
  const { model, run, metric, axis, logarithmic, trans } = props;
  const [range, setRange] = React.useState<Range>(null);
  React.useEffect(() => setRange(null), [axis]);
  const { value: series, error } = useLoaded(
    () =>
      model.client
        .series(run.id, { names: [metric.name], width: WIDTH, axis, start: range?.[0], stop: range?.[1] })
        .then(found => found[0] ?? null),
    [run.id, metric.name, metric.count, axis, range]
  );
  const bad = series?.nonfinite.reduce((sum, n) => sum + n, 0) ?? 0;
  return (
    <figure className="aml-Figure">
      <figcaption>
        <b>{metric.name}</b>
        <span>{value(metric.last)}</span>
        {bad > 0 && (
          <span className="aml-Bad">{trans._n('%1 value is NaN or ±∞', '%1 values are NaN or ±∞', bad)}</span>
        )}
        {range && (
          <button className="aml-Link" onClick={() => setRange(null)}>
            {trans.__('Show all')}
          </button>
        )}
      </figcaption>
      {error && <div className="aml-Message aml-mod-error">{error}</div>}
      {series && (
        <Chart
          series={series}
          axis={axis}
          logarithmic={logarithmic}
          theme={document.body.dataset.jpThemeName ?? ''}
          onRange={setRange}
        />
      )}
    </figure>
  );
}
