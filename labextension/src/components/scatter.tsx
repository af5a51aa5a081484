import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { value } from '../format';
import { ITick, extent, ticks } from './scale';

export interface IPoint {
  key: string;
  label: string;
  x: number;
  y: number;
  /** CSS; the theme's own colour without it. */
  colour?: string;
  strong?: boolean;
}

const LEFT = 58;
const BOTTOM = 36;
const TOP = 8;
const RIGHT = 12;
/** Pixels to the pointer within which a point is meant. */
const NEAR = 24;

/** Width of an element, as it changes. */
export function useWidth(holder: React.RefObject<HTMLElement>): number {
  const [width, setWidth] = React.useState(480);
  React.useEffect(() => {
    const node = holder.current;
    if (!node) {
      return;
    }
    const observer = new ResizeObserver(() => node.clientWidth > 0 && setWidth(node.clientWidth));
    observer.observe(node);
    return () => observer.disconnect();
  }, [holder]);
  return width;
}

/** Points; a click opens the nearest one, arrow keys walk through them from left to right. */
export function Scatter(props: {
  points: readonly IPoint[];
  /** A line through the best of the points up to each. */
  best?: 'lowest' | 'highest' | null;
  xLabel: string;
  yLabel: string;
  /** Places of texts, where an axis is none of numbers. */
  xTicks?: ITick[];
  yTicks?: ITick[];
  height?: number;
  onOpen: (key: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { height = 220, best, trans } = props;
  const holder = React.useRef<HTMLDivElement>(null);
  const width = useWidth(holder);
  const [current, setCurrent] = React.useState<string | null>(null);
  const points = React.useMemo(() => [...props.points].sort((a, b) => a.x - b.x), [props.points]);
  const [x0, x1] = extent(props.xTicks?.map(tick => tick.at) ?? points.map(point => point.x));
  const [y0, y1] = extent(props.yTicks?.map(tick => tick.at) ?? points.map(point => point.y));
  const px = (x: number) => LEFT + ((x - x0) / (x1 - x0)) * Math.max(1, width - LEFT - RIGHT);
  const py = (y: number) => height - BOTTOM - ((y - y0) / (y1 - y0)) * (height - BOTTOM - TOP);
  const shown = points.find(point => point.key === current);
  const walk = (step: number) => {
    const at = points.findIndex(point => point.key === current);
    setCurrent(points[Math.max(0, Math.min(points.length - 1, at + step))]?.key ?? null);
  };
  const nearest = (event: React.MouseEvent<SVGSVGElement>): string | null => {
    const box = event.currentTarget.getBoundingClientRect();
    let found: string | null = null;
    let least = NEAR;
    for (const point of points) {
      const away = Math.hypot(px(point.x) - (event.clientX - box.left), py(point.y) - (event.clientY - box.top));
      if (away < least) {
        least = away;
        found = point.key;
      }
    }
    return found;
  };
  return (
    <div className="aml-Scatter" ref={holder}>
      <svg
        width={width}
        height={height}
        role="application"
        tabIndex={0}
        aria-label={trans.__(
          '%1 over %2: %3 points; arrow keys walk through them',
          props.yLabel,
          props.xLabel,
          points.length
        )}
        onMouseMove={event => setCurrent(nearest(event))}
        onMouseLeave={() => setCurrent(null)}
        onClick={event => {
          const key = nearest(event);
          if (key !== null) {
            props.onOpen(key);
          }
        }}
        onKeyDown={event => {
          if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') {
            walk(event.key === 'ArrowRight' ? 1 : -1);
            event.preventDefault();
          } else if (event.key === 'Enter' && current !== null) {
            props.onOpen(current);
          }
        }}
      >
        {(props.yTicks ?? ticks(y0, y1, 4)).map(tick => (
          <g key={tick.at} className="aml-Scatter-tick">
            <line x1={LEFT} x2={width - RIGHT} y1={py(tick.at)} y2={py(tick.at)} />
            <text x={LEFT - 6} y={py(tick.at)} textAnchor="end" dominantBaseline="middle">
              {shorten(tick.label, 8)}
            </text>
          </g>
        ))}
        {(props.xTicks ?? ticks(x0, x1, Math.max(2, width / 110))).map(tick => (
          <g key={tick.at} className="aml-Scatter-tick">
            <line x1={px(tick.at)} x2={px(tick.at)} y1={TOP} y2={height - BOTTOM} />
            <text x={px(tick.at)} y={height - BOTTOM + 13} textAnchor="middle">
              {shorten(tick.label, 14)}
            </text>
          </g>
        ))}
        <text className="aml-Scatter-axis" x={(LEFT + width - RIGHT) / 2} y={height - 5} textAnchor="middle">
          {shorten(props.xLabel, 60)}
        </text>
        {best && <path className="aml-Scatter-best" d={bestPath(points, best, px, py, width - RIGHT)} />}
        {points.map(point => (
          <circle
            key={point.key}
            className={point.strong ? 'aml-mod-strong' : undefined}
            style={point.colour ? { fill: point.colour } : undefined}
            cx={px(point.x)}
            cy={py(point.y)}
            r={point.key === current ? 6 : point.strong ? 5 : 3.5}
          />
        ))}
      </svg>
      <div className="aml-Chart-value" role="status">
        {shown ? `${shorten(shown.label, 40)}:  ${value(shown.y)}` : ''}
      </div>
    </div>
  );
}

function bestPath(
  points: readonly IPoint[],
  best: 'lowest' | 'highest',
  px: (x: number) => number,
  py: (y: number) => number,
  right: number
): string {
  let path = '';
  let so: number | null = null;
  for (const point of points) {
    const better = so === null || (best === 'lowest' ? point.y < so : point.y > so);
    if (better) {
      path += so === null ? `M${px(point.x)} ${py(point.y)}` : `H${px(point.x)}V${py(point.y)}`;
      so = point.y;
    }
  }
  return path && `${path}H${right}`;
}

/** The beginning of a text that is too long. */
export function shorten(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
