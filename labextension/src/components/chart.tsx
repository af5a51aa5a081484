import * as React from 'react';
import uPlot from 'uplot';

import { toNumber, value } from '../format';
import { ISampled } from '../wire';
import { colourName, dashes } from './palette';
import { smoothed } from './smooth';
import { timeSpan } from './span';

const HEIGHT = 220;
/** Lines that the read-out at the pointer names. */
const NAMED = 8;

/** A stretch of the horizontal axis; null for all of it. */
export type Range = [number, number] | null;

/** What lines are drawn over; `relative`: seconds since each line's origin. */
export type Axis = 'step' | 'time' | 'relative';

/** One line of a chart. */
export interface ILine {
  /** What it is known by; stays when its points change. */
  key: string;
  label: string;
  series: ISampled;
  /** When its run began, in seconds: the zero of the relative axis. Without it, its first point. */
  origin?: number | null;
  /** Which colour of the palette; without it, its place among the lines. */
  colour?: number;
}

export interface IChartProps {
  /** One series … */
  series?: ISampled;
  /** … or several over each other. */
  lines?: readonly ILine[];
  axis: Axis;
  logarithmic: boolean;
  /** Weight of the moving average, 0 to 0.99; what was logged stays visible, faintly. */
  smoothing?: number;
  /** Name of the theme that is on (`useTheme`): the canvas is drawn anew when it changes. */
  theme: string;
  /** In pixels. */
  height?: number;
  /** What screen readers say of it; without it, the series' name. */
  label?: string;
  /** The key of a line that is drawn stronger than the others. */
  highlight?: string | null;
  /** The reader dragged over a stretch (in the axis' own numbers), or double-clicked: null. */
  onRange: (range: Range) => void;
}

/** Where a line's points are on an axis. */
export function positions(line: ILine, axis: Axis): number[] {
  if (axis === 'step') {
    return line.series.steps;
  }
  if (axis === 'time') {
    return line.series.times;
  }
  const origin = line.origin ?? line.series.times[0] ?? 0;
  return line.series.times.map(time => time - origin);
}

/** The stretch of a line's own axis (`step` or `time`, as the server is asked) that is seen on a chart's axis. */
export function ownRange(range: Range, line: { origin?: number | null }, axis: Axis): Range {
  const shift = axis === 'relative' ? (line.origin ?? 0) : 0;
  return range && [range[0] + shift, range[1] + shift];
}

/** What uPlot is given: x, then three columns for one line (its last, lowest, highest), else two for each (raw, smooth). */
function columns(lines: readonly ILine[], axis: Axis, logarithmic: boolean, smoothing: number): uPlot.AlignedData {
  const drawn = (given: readonly (number | null)[]) =>
    logarithmic ? given.map(v => (v !== null && v <= 0 ? null : v)) : [...given];
  const tables = lines.map((line): uPlot.AlignedData => {
    const last = line.series.last.map(toNumber);
    const smooth = smoothing > 0 ? drawn(smoothed(last, smoothing)) : drawn(last);
    const xs = positions(line, axis);
    return lines.length === 1
      ? [xs, drawn(last), smooth, drawn(line.series.min.map(toNumber)), drawn(line.series.max.map(toNumber))]
      : [xs, drawn(last), smooth];
  });
  // What is undefined after this is another line's place, through which a line goes on; null is a gap.
  return tables.length === 1 ? tables[0] : tables.length === 0 ? [[]] : uPlot.join(tables);
}

/**
 * Series over each other. One alone has its extremes as a band where a pixel stands for several points. Gaps are values
 * that were no finite numbers. Dragging zooms, a double click shows all again.
 */
export function Chart(props: IChartProps): JSX.Element {
  const { axis, logarithmic, theme, smoothing = 0, height = HEIGHT, highlight = null } = props;
  const holder = React.useRef<HTMLDivElement>(null);
  const plot = React.useRef<uPlot | null>(null);
  const onRange = React.useRef(props.onRange);
  onRange.current = props.onRange;

  const series = props.series;
  const lines = React.useMemo<readonly ILine[]>(
    () => props.lines ?? (series ? [{ key: series.name, label: series.name, series }] : []),
    [props.lines, series]
  );
  const data = React.useMemo(() => columns(lines, axis, logarithmic, smoothing), [lines, axis, logarithmic, smoothing]);
  const latest = React.useRef(data);
  latest.current = data;
  const shape = JSON.stringify(lines.map(line => [line.key, line.label, line.colour]));
  const smooth = smoothing > 0;

  React.useEffect(() => {
    const node = holder.current;
    if (!node) {
      return;
    }
    const known = JSON.parse(shape) as [string, string, number | undefined][];
    const style = getComputedStyle(node);
    const get = (name: string, fallback: string) => style.getPropertyValue(name).trim() || fallback;
    const text = get('--jp-ui-font-color2', 'gray');
    const grid = get('--jp-border-color2', 'silver');
    const axes = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid } };
    const drawnSeries: uPlot.Series[] = [{}];
    known.forEach(([key, , own], index) => {
      const place = own ?? index;
      const stroke = get(colourName(place), 'gray');
      const strong = highlight === null || highlight === key;
      const dash = dashes(place);
      drawnSeries.push(
        { stroke: smooth ? faint(stroke) : stroke, width: 1, dash, alpha: strong ? 1 : 0.25, show: smooth },
        { stroke, width: highlight === key ? 2.6 : 1.6, dash, alpha: strong ? 1 : 0.25 }
      );
    });
    const bands: uPlot.Band[] = [];
    if (known.length === 1) {
      const invisible = { show: true, stroke: 'transparent', points: { show: false } };
      drawnSeries.push(invisible, invisible);
      bands.push({ series: [4, 3], fill: faint(get(colourName(known[0][2] ?? 0), 'gray')) });
    }
    const output = document.createElement('div');
    output.className = 'aml-Chart-value';
    const readOut = (u: uPlot) => {
      const index = u.cursor.idx;
      output.textContent = '';
      if (index === null || index === undefined || u.data[0].length === 0) {
        return;
      }
      const found = known
        .map(([, label], at) => ({ label, y: near(u.data[2 + 2 * at], index) }))
        .filter(one => one.y !== null)
        .slice(0, NAMED);
      const x = position(u.data[0][index], axis);
      output.textContent =
        known.length === 1
          ? found.map(one => `${x}:  ${value(one.y)}`).join('')
          : [x, ...found.map(one => `${shorten(one.label)}:  ${value(one.y)}`)].join('\n');
    };
    const made = new uPlot(
      {
        width: node.clientWidth || 400,
        height,
        scales: {
          x: axis === 'time' ? { time: true, range: u => timeSpan(u.data[0]) } : { time: false },
          y: { distr: logarithmic ? 3 : 1 }
        },
        axes: [axes, { ...axes, size: 60 }],
        legend: { show: false },
        cursor: { drag: { x: true, y: false, setScale: false } },
        series: drawnSeries,
        bands,
        hooks: {
          setSelect: [
            u => {
              if (u.select.width > 4) {
                onRange.current([u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x')]);
              }
              u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            }
          ],
          setCursor: [readOut]
        }
      },
      latest.current,
      node
    );
    made.over.addEventListener('dblclick', () => onRange.current(null));
    node.appendChild(output);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      if (node.clientWidth > 0 && node.clientWidth !== made.width) {
        made.setSize({ width: node.clientWidth, height });
      }
    });
    observer.observe(node);
    return () => {
      observer.disconnect();
      made.destroy();
      output.remove();
      plot.current = null;
    };
  }, [axis, logarithmic, theme, shape, smooth, height, highlight]);

  React.useEffect(() => {
    plot.current?.setData(latest.current);
  }, [data]);

  const label = props.label ?? lines[0]?.series.name ?? '';
  return <div className="aml-Chart" style={{ minHeight: height }} ref={holder} role="img" aria-label={label} />;
}

/** A colour through which others are seen. */
function faint(colour: string): string {
  return /^#[0-9a-f]{6}$/i.test(colour) ? `${colour}4d` : `color-mix(in srgb, ${colour} 30%, transparent)`;
}

/** A line's value at a place, or its newest one before it. */
function near(column: ArrayLike<number | null | undefined> | undefined, index: number): number | null {
  for (let at = index; column && at >= 0; at--) {
    const y = column[at];
    if (y !== undefined) {
      return y;
    }
  }
  return null;
}

/** A place on an axis as it is read. */
function position(x: number, axis: Axis): string {
  return axis === 'time' ? new Date(x * 1000).toLocaleTimeString() : axis === 'step' ? String(x) : `${value(x)} s`;
}

function shorten(label: string): string {
  return label.length > 28 ? `${label.slice(0, 27)}…` : label;
}
