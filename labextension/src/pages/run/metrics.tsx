import * as React from 'react';

import { Chart, Range, ownRange } from '../../components/chart';
import { useLoaded, useTheme } from '../../components/hooks';
import { FIRST_LOOK, ILook, LookControls } from '../../components/look';
import { value } from '../../format';
import { IMetric } from '../../wire';
import { Structured } from './structured';
import { ITabProps } from './tab';

/** Buckets asked for: about a pixel each. */
const WIDTH = 800;
/** Charts and rows that are drawn before more are asked for: a run may have 20,000 metrics. */
const CHARTS = 12;
const ROWS = 100;

/** Numbers as tables, series as charts, tables and matrices as they are. */
export function Metrics(props: ITabProps): JSX.Element {
  const { run, trans } = props;
  const [view, setView] = React.useState(FIRST_LOOK);
  const [text, setText] = React.useState('');
  const [charts, setCharts] = React.useState(CHARTS);
  const [rows, setRows] = React.useState(ROWS);
  const all = React.useMemo(
    () => Object.values(run.metrics).sort((a, b) => a.name.localeCompare(b.name)),
    [run.metrics]
  );
  if (all.length === 0) {
    return <p className="aml-Message">{trans.__('Nothing was logged to this run.')}</p>;
  }
  const metrics = all.filter(metric => metric.name.toLowerCase().includes(text.toLowerCase()));
  const numeric = metrics.filter(metric => metric.kind === 'scalar' || metric.kind === 'list');
  const drawn = numeric.filter(metric => metric.count > 1 && metric.min !== null);
  const others = metrics.filter(metric => !numeric.includes(metric) && metric.kind !== 'image');
  const images = metrics.length - numeric.length - others.length;
  return (
    <>
      <div className="aml-Controls">
        {all.length > CHARTS && (
          <input
            className="jp-mod-styled aml-Find"
            type="search"
            placeholder={trans.__('Find among %1 metrics', all.length.toLocaleString())}
            aria-label={trans.__('Find metrics')}
            value={text}
            onChange={event => setText(event.target.value)}
          />
        )}
        {drawn.length > 0 && <LookControls look={view} onChange={setView} trans={trans} />}
      </div>
      {metrics.length === 0 && <p className="aml-Message">{trans.__('No metric has “%1” in its name.', text)}</p>}
      <div className="aml-Charts">
        {drawn.slice(0, charts).map(metric => (
          <SeriesChart key={metric.name} {...props} metric={metric} view={view} />
        ))}
      </div>
      <More shown={charts} all={drawn.length} more={() => setCharts(charts + CHARTS)} {...props} />
      {numeric.length > 0 && <Numbers metrics={numeric.slice(0, rows)} {...props} />}
      <More shown={rows} all={numeric.length} more={() => setRows(rows + 10 * ROWS)} {...props} />
      {others.slice(0, charts).map(metric => (
        <Structured key={metric.name} {...props} metric={metric} />
      ))}
      {images > 0 && (
        <p className="aml-Message">
          {trans._n('%1 image is under Images.', '%1 series of images are under Images.', images)}
        </p>
      )}
    </>
  );
}

function More(props: { shown: number; all: number; more: () => void; trans: ITabProps['trans'] }): JSX.Element | null {
  const { shown, all, more, trans } = props;
  if (all <= shown) {
    return null;
  }
  return (
    <p className="aml-Message">
      {trans.__('%1 of %2 are shown.', shown.toLocaleString(), all.toLocaleString())}{' '}
      <button className="aml-Link" onClick={more}>
        {trans.__('Show more')}
      </button>
    </p>
  );
}

function Numbers(props: { metrics: readonly IMetric[]; trans: ITabProps['trans'] }): JSX.Element {
  const { metrics, trans } = props;
  return (
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
        {metrics.map(metric => (
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
  );
}

function SeriesChart(props: ITabProps & { metric: IMetric; view: ILook }): JSX.Element {
  const { model, run, metric, view, trans } = props;
  const { axis, logarithmic, smoothing } = view;
  const [range, setRange] = React.useState<Range>(null);
  const theme = useTheme();
  React.useEffect(() => setRange(null), [axis]);
  const origin = run.started ?? metric.first_time;
  const own = ownRange(range, { origin }, axis);
  const { value: series, error } = useLoaded(
    () =>
      model.client
        .series(run.id, {
          names: [metric.name],
          width: WIDTH,
          axis: axis === 'step' ? 'step' : 'time',
          start: own?.[0],
          stop: own?.[1]
        })
        .then(found => found[0] ?? null),
    [run.id, metric.name, metric.count, axis, range]
  );
  const lines = React.useMemo(
    () => (series ? [{ key: metric.name, label: metric.name, series, origin }] : []),
    [series, metric.name, origin]
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
      {series ? (
        <Chart
          lines={lines}
          axis={axis}
          logarithmic={logarithmic}
          smoothing={smoothing}
          theme={theme}
          label={metric.name}
          onRange={setRange}
        />
      ) : (
        <div className="aml-Chart" />
      )}
    </figure>
  );
}
