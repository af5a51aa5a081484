import * as React from 'react';

import { colour } from '../../components/palette';
import { Popover } from '../../components/popover';
import { extent } from '../../components/scale';
import { IPoint, Scatter, shorten, useWidth } from '../../components/scatter';
import { Choose } from '../../components/select';
import { title, value } from '../../format';
import { IAxis, axisFields, axisOf, firstAxes } from './fields';
import { IPlot } from './parts';

const HEIGHT = 340;
const EDGE = 70;
const TOP = 34;
const BOTTOM = 16;
/** Fields that the choice of axes lists at once. */
const LISTED = 200;

/** A line for each run through its parameters and metrics. */
export function Parallel(props: IPlot): JSX.Element {
  const { model, trans } = props;
  const { runs } = model;
  const holder = React.useRef<HTMLDivElement>(null);
  const width = useWidth(holder);
  const [own, setOwn] = React.useState<string[] | null>(null);
  const [current, setCurrent] = React.useState<string | null>(null);
  const [wanted, setWanted] = React.useState('');
  const fields = React.useMemo(() => axisFields(runs), [runs]);
  const chosen = own ?? firstAxes(runs);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- by what is chosen, not by the list that holds it
  const axes = React.useMemo(() => chosen.map(field => axisOf(runs, field)), [runs, chosen.join('\n')]);
  const x = (index: number) => (axes.length < 2 ? width / 2 : EDGE + (index * (width - 2 * EDGE)) / (axes.length - 1));
  const found = fields.filter(field => field.toLowerCase().includes(wanted.trim().toLowerCase()));
  return (
    <>
      <div className="aml-Controls">
        <Popover label={trans.__('Axes')}>
          {() => (
            <div className="aml-Chooser">
              <input
                className="jp-mod-styled"
                type="search"
                aria-label={trans.__('Find a parameter, metric or tag')}
                placeholder={trans.__('Find a parameter, metric or tag')}
                value={wanted}
                onChange={event => setWanted(event.target.value)}
              />
              <div className="aml-Chooser-lists">
                <ul>
                  {found.slice(0, LISTED).map(field => (
                    <li key={field}>
                      <label title={field}>
                        <input
                          type="checkbox"
                          checked={chosen.includes(field)}
                          onChange={event =>
                            setOwn(event.target.checked ? [...chosen, field] : chosen.filter(one => one !== field))
                          }
                        />
                        <span>{field}</span>
                      </label>
                    </li>
                  ))}
                </ul>
              </div>
            </div>
          )}
        </Popover>
        <span role="status">{runs.filter(run => run.id === current).map(run => title(run))}</span>
      </div>
      <div ref={holder} className="aml-Parallel">
        {axes.length === 0 ? (
          <p className="aml-Message">{trans.__('These runs differ in no parameter and no metric. Choose axes.')}</p>
        ) : (
          <svg width={width} height={HEIGHT} role="group" aria-label={trans.__('A line for each run through the axes')}>
            {runs.map((run, at) => (
              <path
                key={run.id}
                d={pathOf(axes, at, x)}
                role="link"
                tabIndex={0}
                aria-label={title(run)}
                className={current === null ? undefined : current === run.id ? 'aml-mod-strong' : 'aml-mod-faint'}
                style={{ stroke: colour(model.place(run)) }}
                onMouseEnter={() => setCurrent(run.id)}
                onMouseLeave={() => setCurrent(null)}
                onFocus={() => setCurrent(run.id)}
                onBlur={() => setCurrent(null)}
                onClick={() => props.openRun(run.id)}
                onKeyDown={event => event.key === 'Enter' && props.openRun(run.id)}
              >
                <title>{title(run)}</title>
              </path>
            ))}
            {axes.map((axis, index) => (
              <AxisMarks key={axis.field} axis={axis} x={x(index)} />
            ))}
          </svg>
        )}
      </div>
    </>
  );
}

function span(axis: IAxis): [number, number] {
  const there = axis.places.filter(place => place !== null);
  return extent(axis.ticks ? axis.ticks.map(tick => tick.at) : there);
}

function height(axis: IAxis, place: number): number {
  const [least, most] = span(axis);
  return HEIGHT - BOTTOM - ((place - least) / (most - least)) * (HEIGHT - BOTTOM - TOP);
}

/** A line through the axes; it breaks where the run has nothing. */
function pathOf(axes: readonly IAxis[], run: number, x: (index: number) => number): string {
  let path = '';
  let drawing = false;
  axes.forEach((axis, index) => {
    const place = axis.places[run];
    if (place === null || place === undefined) {
      drawing = false;
      return;
    }
    const here = `${x(index)} ${height(axis, place)}`;
    // A place of its own is a short stroke, so that it is seen.
    path += drawing ? `L${here}` : `M${here}h0.01`;
    drawing = true;
  });
  return path;
}

function AxisMarks(props: { axis: IAxis; x: number }): JSX.Element {
  const { axis, x } = props;
  const there = axis.places.filter(place => place !== null);
  const ends = there.length === 0 ? [] : [...new Set([Math.min(...there), Math.max(...there)])];
  const marks = axis.ticks ?? ends.map(at => ({ at, label: value(at) }));
  const name = axis.field.slice(axis.field.indexOf('.') + 1);
  return (
    <g className="aml-Parallel-axis">
      <title>{axis.field}</title>
      <line x1={x} x2={x} y1={TOP} y2={HEIGHT - BOTTOM} />
      <text x={x} y={16} textAnchor="middle" className="aml-mod-name">
        {shorten(name, 18)}
      </text>
      {marks.slice(0, 20).map(mark => (
        <text key={mark.at} x={x + 5} y={height(axis, mark.at)} dominantBaseline="middle">
          {shorten(mark.label, 14)}
        </text>
      ))}
    </g>
  );
}

/** Two fields against each other. */
export function ComparedScatter(props: IPlot): JSX.Element {
  const { model, trans } = props;
  const { runs } = model;
  const fields = React.useMemo(() => axisFields(runs), [runs]);
  const metrics = fields.filter(field => field.startsWith('metrics.'));
  const [xField, setX] = React.useState('');
  const [yField, setY] = React.useState('');
  const x = xField || fields.find(field => field.startsWith('params.')) || metrics[1] || fields[0] || '';
  const y = yField || metrics[0] || fields[1] || fields[0] || '';
  if (!x || !y) {
    return <p className="aml-Message">{trans.__('These runs have no parameters and no metrics.')}</p>;
  }
  const across = axisOf(runs, x);
  const up = axisOf(runs, y);
  const points = runs.flatMap((run, index): IPoint[] => {
    const px = across.places[index];
    const py = up.places[index];
    return px === null || py === null
      ? []
      : [{ key: run.id, label: title(run), x: px, y: py, colour: colour(model.place(run)), strong: true }];
  });
  return (
    <>
      <div className="aml-Controls">
        <Choose label={trans.__('Across')} names={fields} value={x} onChange={setX} />
        <Choose label={trans.__('Up')} names={fields} value={y} onChange={setY} />
        {points.length < runs.length && (
          <span className="aml-Bad">
            {trans._n('%1 run has no such values', '%1 runs have no such values', runs.length - points.length)}
          </span>
        )}
      </div>
      <Scatter
        points={points}
        xLabel={x}
        yLabel={y}
        xTicks={across.ticks}
        yTicks={up.ticks}
        height={400}
        onOpen={props.openRun}
        trans={trans}
      />
    </>
  );
}
