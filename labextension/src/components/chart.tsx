import * as React from 'react';
import uPlot from 'uplot';

import { toNumber } from '../format';
import { ISampled } from '../wire';
import { timeSpan } from './span';

const HEIGHT = 220;

/** A stretch of the horizontal axis; null for all of it. */
export type Range = [number, number] | null;

/** Colours of the theme that is on, since a canvas knows no variables. */
function colours(node: HTMLElement): { line: string; band: string; text: string; grid: string } {
  const style = getComputedStyle(node);
  const get = (name: string, fallback: string) => style.getPropertyValue(name).trim() || fallback;
  return {
    line: get('--jp-brand-color1', '#1976d2'),
    band: get('--jp-brand-color3', '#bbdefb'),
    text: get('--jp-ui-font-color2', '#666'),
    grid: get('--jp-border-color2', '#e0e0e0')
  };
}

/**
 * A series: its last values as a line, its extremes as a band where a pixel stands for several points. Gaps are values
 * that were no finite numbers. Dragging zooms, a double click shows all again.
 */
export function Chart(props: {
  series: ISampled;
  axis: 'step' | 'time';
  logarithmic: boolean;
  theme: string;
  onRange: (range: Range) => void;
}): JSX.Element {
  const { series, axis, logarithmic, theme } = props;
  const holder = React.useRef<HTMLDivElement>(null);
  const plot = React.useRef<uPlot | null>(null);
  const onRange = React.useRef(props.onRange);
  onRange.current = props.onRange;

  const xs = axis === 'step' ? series.steps : series.times;
  const column = (given: ISampled['last']) =>
    given.map(toNumber).map(v => (logarithmic && v !== null && v <= 0 ? null : v));
  const data: uPlot.AlignedData = [xs, column(series.last), column(series.min), column(series.max)];
  const latest = React.useRef(data);
  latest.current = data;

  React.useEffect(() => {
    const node = holder.current;
    if (!node) {
      return;
    }
    const colour = colours(node);
    const axes = { stroke: colour.text, grid: { stroke: colour.grid, width: 1 }, ticks: { stroke: colour.grid } };
    const invisible = { show: true, stroke: 'transparent', points: { show: false } };
    const made = new uPlot(
      {
        width: node.clientWidth || 400,
        height: HEIGHT,
        scales: {
          x: axis === 'time' ? { time: true, range: u => timeSpan(u.data[0]) } : { time: false },
          y: { distr: logarithmic ? 3 : 1 }
        },
        axes: [axes, { ...axes, size: 60 }],
        legend: { show: false },
        cursor: { drag: { x: true, y: false, setScale: false } },
        series: [{}, { stroke: colour.line, width: 1.6 }, invisible, invisible],
        bands: [{ series: [3, 2], fill: colour.band + '66' }],
        hooks: {
          setSelect: [
            u => {
              if (u.select.width > 4) {
                onRange.current([u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x')]);
              }
              u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            }
          ],
          setCursor: [u => readOut(u)]
        }
      },
      latest.current,
      node
    );
    made.over.addEventListener('dblclick', () => onRange.current(null));
    const output = document.createElement('div');
    output.className = 'aml-Chart-value';
    node.appendChild(output);
    const readOut = (u: uPlot) => {
      const index = u.cursor.idx;
      const x = index === null || index === undefined ? null : u.data[0][index];
      const y = index === null || index === undefined ? null : u.data[1][index];
      output.textContent =
        x === null || y === null || y === undefined
          ? ''
          : `${axis === 'step' ? x : new Date(x * 1000).toLocaleTimeString()}:  ${Number(y.toPrecision(6))}`;
    };
    plot.current = made;
    const observer = new ResizeObserver(() => {
      if (node.clientWidth > 0 && node.clientWidth !== made.width) {
        made.setSize({ width: node.clientWidth, height: HEIGHT });
      }
    });
    observer.observe(node);
    return () => {
      observer.disconnect();
      made.destroy();
      output.remove();
      plot.current = null;
    };
  }, [axis, logarithmic, theme]);

  React.useEffect(() => {
    plot.current?.setData(latest.current);
  }, [series, axis, logarithmic]);

  return <div className="aml-Chart" ref={holder} role="img" aria-label={series.name} />;
}
