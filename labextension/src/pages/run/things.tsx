import { useLoaded } from '../../components/hooks';
import { moment } from '../../format';
import { ILink } from '../../wire';
import { ITabProps } from './tab';

/** Kinds of things that have pages. */
const OPENS = new Set(['model', 'dataset', 'environment']);

interface IGroup {
  title: string;
  links: ILink[];
}

/** What the run read, wrote and registered. */
export function Things(props: ITabProps): JSX.Element {
  const { model, run, trans } = props;
  const { value, error } = useLoaded(
    () => model.client.ask<{ links: ILink[] }>(`runs/${run.id}/links`),
    [run.id, model.version]
  );
  if (!value) {
    return error ? (
      <div className="aml-Message aml-mod-error" role="alert">
        {error}
      </div>
    ) : (
      <div className="aml-Message">{trans.__('Loading…')}</div>
    );
  }
  const of = (kind: string, ...roles: string[]) =>
    value.links.filter(link => link.kind === kind && roles.includes(link.role));
  const groups: IGroup[] = [
    { title: trans.__('Datasets that it read'), links: of('dataset', 'input') },
    { title: trans.__('Datasets that it wrote'), links: of('dataset', 'output', 'registered') },
    { title: trans.__('Models that it used'), links: of('model', 'input') },
    { title: trans.__('Models that it registered'), links: of('model', 'registered', 'output') }
  ];
  const named = new Set(groups.flatMap(group => group.links));
  const others = value.links.filter(link => !named.has(link));
  groups.push({ title: trans.__('Other things'), links: others });
  const shown = groups.filter(group => group.links.length > 0);
  return (
    <div className="aml-Overview">
      {shown.map(group => (
        <section key={group.title} aria-label={group.title}>
          <h2>{group.title}</h2>
          <table className="aml-Table">
            <tbody>
              {group.links.map(link => (
                <tr key={`${link.asset} ${link.role} ${link.label}`}>
                  <th scope="row">
                    <Thing link={link} {...props} />
                  </th>
                  <td>{link.label !== link.name && link.label}</td>
                  <td className="aml-mod-short">{moment(link.time)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      ))}
      {shown.length === 0 && (
        <div className="aml-Empty">
          <p>{trans.__('No dataset and no model has to do with this run.')}</p>
          <p>{trans.__('Those that it reads by name, and those that it registers, are listed here:')}</p>
          <pre>{'run.register_model("iris", "outputs/model.pkl")\nDataset.get_by_name(ws, "sales")'}</pre>
        </div>
      )}
    </div>
  );
}

/** The way to the page of a version; its name where it has none. */
function Thing(props: ITabProps & { link: ILink }): JSX.Element {
  const { link, actions, trans } = props;
  if (!link.name) {
    return <span title={link.asset}>{trans.__('deleted since')}</span>;
  }
  const text = `${link.name} v${link.version}`;
  if (!OPENS.has(link.kind)) {
    return (
      <span>
        {link.kind} {text}
      </span>
    );
  }
  return (
    <button className="aml-Link" onClick={() => actions.openThing(link.kind, link.name, link.version)}>
      {text}
    </button>
  );
}
