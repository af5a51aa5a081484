import * as React from 'react';

import { Chart, ILine, Range, ownRange } from '../../components/chart';
import { useLoaded, useTheme } from '../../components/hooks';
import { FIRST_LOOK, ILook, LookControls } from '../../components/look';
import { IRun, ended } from '../../wire';
import { Legend, cut, linesOf } from '../experiment/charts';
import { drawnMetrics } from './fields';
import { IPart } from './parts';

/** Charts that are shown at once. */
const SHOWN = 12;
const WIDTH = 500;

/** The series of all runs, metric by metric. */
export function ComparedCharts(props: IPart): JSX.Element {
  const { model, trans } = props;
  const [look, setLook] = React.useState(FIRST_LOOK);
  const [wanted, setWanted] = React.useState('');
  const [shown, setShown] = React.useState(SHOWN);
  const all = React.useMemo(() => drawnMetrics(model.runs), [model.runs]);
  const found = all.filter(name => name.toLowerCase().includes(wanted.trim().toLowerCase()));
  if (all.length === 0) {
    return <p className="aml-Message">{trans.__('None of these runs has logged a series of numbers.')}</p>;
  }
  const colours: ILine[] = model.runs.map(run => ({
    key: run.id,
    label: linesOf([run], { [run.id]: NOTHING })[0].label,
    series: NOTHING,
    colour: model.place(run)
  }));
  return (
    <>
      <div className="aml-Controls">
        {all.length > SHOWN && (
          <input
            className="jp-mod-styled"
            type="search"
            placeholder={trans.__('Find a metric')}
            aria-label={trans.__('Find a metric')}
            value={wanted}
            onChange={event => setWanted(event.target.value)}
          />
        )}
        <LookControls look={look} onChange={setLook} trans={trans} />
      </div>
      <Legend lines={colours} />
      <div className="aml-Charts">
        {found.slice(0, shown).map(name => (
          <Overlaid key={name} {...props} {...look} name={name} />
        ))}
      </div>
      {found.length > shown && (
        <button className="aml-Button" onClick={() => setShown(shown + SHOWN)}>
          {trans.__('Show more (%1)', found.length - shown)}
        </button>
      )}
    </>
  );
}

const NOTHING: ILine['series'] = {
  name: '',
  total: 0,
  steps: [],
  times: [],
  min: [],
  max: [],
  last: [],
  nonfinite: []
};

function Overlaid(props: IPart & ILook & { name: string }): JSX.Element {
  const { model, name, axis, logarithmic, smoothing, trans } = props;
  const theme = useTheme();
  const [range, setRange] = React.useState<Range>(null);
  React.useEffect(() => setRange(null), [axis]);
  const runs = model.runs;
  const own = axis === 'relative' ? null : range;
  const counts = runs.map(run => run.metrics[name]?.count ?? 0).join();
  const { value: found, error } = useLoaded(
    () =>
      model.client.manySeries(
        runs.map(run => run.id),
        name,
        { width: WIDTH, axis: axis === 'step' ? 'step' : 'time', start: own?.[0], stop: own?.[1] }
      ),
    [runs.map(run => run.id).join(), name, axis, own, counts]
  );
  const lines = React.useMemo(
    () => linesOf(runs, found ?? {}).map(line => ({ ...line, colour: model.place({ id: line.key }) })),
    [found, runs, model]
  );
  const shown = axis === 'relative' && range ? lines.map(line => cut(line, ownRange(range, line, axis))) : lines;
  const bad = lines.reduce((sum, line) => sum + line.series.nonfinite.reduce((a, b) => a + b, 0), 0);
  return (
    <figure className="aml-Figure">
      <figcaption>
        <b>{name}</b>
        {runs.some((run: IRun) => !ended(run)) && <span>{trans.__('live')}</span>}
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
      {found && (
        <Chart
          lines={shown}
          axis={axis}
          logarithmic={logarithmic}
          smoothing={smoothing}
          theme={theme}
          label={trans.__('%1 of the runs', name)}
          onRange={setRange}
        />
      )}
    </figure>
  );
}
