/** Small drawings of metrics that are no series: few points, drawn once, coloured by the theme. */
import { value } from '../../format';

const WIDTH = 340;
const HEIGHT = 200;
const LEFT = 46;
const BOTTOM = 24;
const EDGE = 10;

/** A line of a drawing, in its own numbers. */
export interface IPlotLine {
  points: [number, number][];
  /** Drawn faintly, for comparison. */
  reference?: boolean;
  /** Half the length of a bar at each point. */
  errors?: number[];
}

type Span = [number, number];

function span(numbers: number[]): Span {
  const finite = numbers.filter(Number.isFinite);
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  return finite.length === 0 ? [0, 1] : low === high ? [low - 0.5, high + 0.5] : [low, high];
}

function Frame(props: { x: Span; y: Span; label: string; children: React.ReactNode }): JSX.Element {
  const { x, y, label, children } = props;
  return (
    <svg className="aml-Plot" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      <path d={`M${LEFT} ${EDGE}V${HEIGHT - BOTTOM}H${WIDTH - EDGE}`} className="aml-Plot-axis" />
      <text x={LEFT} y={HEIGHT - 6}>
        {value(x[0])}
      </text>
      <text x={WIDTH - EDGE} y={HEIGHT - 6} textAnchor="end">
        {value(x[1])}
      </text>
      <text x={LEFT - 4} y={HEIGHT - BOTTOM} textAnchor="end">
        {value(y[0])}
      </text>
      <text x={LEFT - 4} y={EDGE + 8} textAnchor="end">
        {value(y[1])}
      </text>
      {children}
    </svg>
  );
}

function scales(x: Span, y: Span): [(at: number) => number, (at: number) => number] {
  const width = WIDTH - LEFT - EDGE;
  const height = HEIGHT - BOTTOM - EDGE;
  return [
    at => LEFT + ((at - x[0]) / (x[1] - x[0])) * width,
    at => HEIGHT - BOTTOM - ((at - y[0]) / (y[1] - y[0])) * height
  ];
}

/** Lines in one frame. */
export function LinePlot(props: { lines: readonly IPlotLine[]; label: string }): JSX.Element {
  const points = props.lines.flatMap(line => line.points);
  const x = span(points.map(point => point[0]));
  const y = span(
    props.lines.flatMap(line =>
      line.points.flatMap(([, at], index) => [at - (line.errors?.[index] ?? 0), at + (line.errors?.[index] ?? 0)])
    )
  );
  const [toX, toY] = scales(x, y);
  return (
    <Frame x={x} y={y} label={props.label}>
      {props.lines.map((line, index) => (
        <g key={index} className={line.reference ? 'aml-Plot-reference' : 'aml-Plot-line'}>
          <polyline points={line.points.map(([a, b]) => `${toX(a)},${toY(b)}`).join(' ')} />
          {line.errors?.map((half, at) => {
            const [a, b] = line.points[at] ?? [NaN, NaN];
            return Number.isFinite(a) ? (
              <path key={at} d={`M${toX(a)} ${toY(b - half)}V${toY(b + half)}`} className="aml-Plot-error" />
            ) : null;
          })}
        </g>
      ))}
    </Frame>
  );
}

/** Counts between edges: one edge more than counts. */
export function Histogram(props: { edges: readonly number[]; counts: readonly number[]; label: string }): JSX.Element {
  const { edges, counts, label } = props;
  const x = span([...edges]);
  const y: Span = [0, Math.max(1, ...counts)];
  const [toX, toY] = scales(x, y);
  return (
    <Frame x={x} y={y} label={label}>
      {counts.map((count, index) => (
        <rect
          key={index}
          className="aml-Plot-bar"
          x={toX(edges[index]) + 0.5}
          width={Math.max(1, toX(edges[index + 1]) - toX(edges[index]) - 1)}
          y={toY(count)}
          height={Math.max(0, toY(0) - toY(count))}
        >
          <title>{`${value(edges[index])} … ${value(edges[index + 1])}: ${count}`}</title>
        </rect>
      ))}
    </Frame>
  );
}
