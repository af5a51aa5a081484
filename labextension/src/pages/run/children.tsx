import { useLoaded, useNow } from '../../components/hooks';
import { Status } from '../../components/status';
import { mainMetrics, runDuration, title, value } from '../../format';
import { ITabProps } from './tab';

const LIMIT = 500;

/** The runs below, in the order in which they began. */
export function Children(props: ITabProps): JSX.Element {
  const { model, run, actions, trans } = props;
  const { value: page, error } = useLoaded(
    () => model.client.runs({ parent: run.id, order: 'created', limit: LIMIT }),
    [run.id, model.version]
  );
  const now = useNow(model.live);
  const runs = page?.runs ?? [];
  return (
    <>
      {error && <div className="aml-Message aml-mod-error">{error}</div>}
      <table className="aml-Table">
        <thead>
          <tr>
            <th />
            <th>{trans.__('Run')}</th>
            <th>{trans.__('Took')}</th>
            <th>{trans.__('Metrics')}</th>
          </tr>
        </thead>
        <tbody>
          {runs.map(child => (
            <tr key={child.id} className="aml-mod-open" onClick={() => actions.openRun(child)}>
              <td>
                <Status status={child.status} trans={trans} />
              </td>
              <th scope="row">
                <button className="aml-Link">{title(child)}</button>
              </th>
              <td className="aml-mod-short">{runDuration(child, now)}</td>
              <td>
                {mainMetrics(child, 4)
                  .map(metric => `${metric.name} ${value(metric.last)}`)
                  .join(', ')}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {page?.next && <p className="aml-Message">{trans.__('The first %1 are shown.', LIMIT)}</p>}
    </>
  );
}
