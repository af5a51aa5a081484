import * as React from 'react';

import { useLoaded } from '../../components/hooks';
import { value } from '../../format';
import { IMetric } from '../../wire';
import { dataOf, predictions, residuals, roc } from './curves';
import { Histogram, LinePlot } from './plots';
import { ITabProps } from './tab';

/** Of what is shown as it was logged. */
const CHARACTERS = 100_000;
/** Rows of a table that are drawn. */
const ROWS = 500;

/** A metric that is no number: a table's rows, a confusion matrix, or what was logged as JSON. */
export function Structured(props: ITabProps & { metric: IMetric }): JSX.Element {
  const { model, run, metric, trans } = props;
  const { value: series, error } = useLoaded(
    () => model.client.points(run.id, metric.name),
    [run.id, metric.name, metric.count]
  );
  const values = (series?.values ?? []).slice(0, metric.kind === 'table' ? ROWS : undefined);
  return (
    <figure className="aml-Figure aml-mod-wide">
      <figcaption>
        <b>{metric.name}</b>
        <span>{metric.kind.replace(/_/g, ' ')}</span>
      </figcaption>
      {error && <div className="aml-Message aml-mod-error">{error}</div>}
      {metric.kind === 'table' ? (
        <Rows values={values} />
      ) : metric.kind === 'confusion_matrix' ? (
        <Matrix given={values[values.length - 1]} />
      ) : (
        values.length > 0 && <Drawn kind={metric.kind} name={metric.name} given={values[values.length - 1]} />
      )}
      {values.length < metric.count && series && (
        <p className="aml-Message">{trans.__('The first %1 of %2 are shown.', values.length, metric.count)}</p>
      )}
    </figure>
  );
}

/** A drawing where there is one for this kind; else what was logged. */
function Drawn(props: { kind: string; name: string; given: unknown }): JSX.Element {
  const { kind, name, given } = props;
  const data = dataOf(given) ?? {};
  const counted = kind === 'residuals' ? residuals(data) : null;
  const predicted = kind === 'predictions' ? predictions(data) : null;
  const curves = kind === 'accuracy_table' ? roc(data) : null;
  if (counted) {
    return <Histogram {...counted} label={name} />;
  }
  if (predicted) {
    return <LinePlot lines={predicted} label={name} />;
  }
  if (curves) {
    return <LinePlot lines={curves.lines} label={`ROC: ${name} ${curves.labels.join(', ')}`} />;
  }
  const text = typeof given === 'string' ? given : JSON.stringify(given, null, 2);
  return <pre>{text.slice(0, CHARACTERS)}</pre>;
}

function Rows(props: { values: unknown[] }): JSX.Element {
  const rows = props.values.filter((row): row is Record<string, unknown> => typeof row === 'object' && row !== null);
  const columns = [...new Set(rows.flatMap(row => Object.keys(row)))];
  return (
    <table className="aml-Table">
      <thead>
        <tr>
          {columns.map(column => (
            <th key={column}>{column}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, index) => (
          <tr key={index}>
            {columns.map(column => (
              <td key={column}>{value(row[column])}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Rows are the true classes and columns the predicted ones, darker where there are more. */
function Matrix(props: { given: unknown }): JSX.Element {
  const data = (props.given as { data?: { class_labels?: unknown[]; matrix?: number[][] } } | undefined)?.data;
  const matrix = data?.matrix;
  if (!Array.isArray(matrix)) {
    return <pre>{JSON.stringify(props.given, null, 2)}</pre>;
  }
  const labels = data?.class_labels ?? matrix.map((_, i) => i);
  const most = Math.max(1, ...matrix.flat());
  return (
    <table className="aml-Table aml-mod-numbers aml-Matrix">
      <thead>
        <tr>
          <th />
          {labels.map((label, i) => (
            <th key={i}>{String(label)}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {matrix.map((row, i) => (
          <tr key={i}>
            <th scope="row">{String(labels[i] ?? i)}</th>
            {row.map((count, j) => (
              <td key={j} style={{ '--aml-share': count / most } as React.CSSProperties}>
                {value(count)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
