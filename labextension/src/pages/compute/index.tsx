import { TranslationBundle } from '@jupyterlab/translation';

import { Facts, TagMarks } from '../../components/facts';
import { useLoaded } from '../../components/hooks';
import { Status } from '../../components/status';
import { duration, moment, title } from '../../format';
import { computeCode } from '../../notebook/snippets';
import { actionsOf } from '../../panels/compute/actions';
import { IWorkspaceClient } from '../../tokens';
import { ThingContent } from '../assets/content';
import { ThingModel } from '../assets/model';
import { IThingTab } from '../assets/types';
import { ITarget, targets } from './model';

/** What a target's page can have done. */
export interface IComputeActions {
  openRun(id: string): void;
  insert(code: string): void;
  ask(name: string, action: 'start' | 'stop' | 'restart'): Promise<unknown>;
  /** Ask for another size; whether it was given. */
  resize(name: string): Promise<boolean>;
  /** Delete it if that is wanted, and close its page; whether it was. */
  remove(name: string): Promise<boolean>;
}

/** The page of a compute target. */
export function computeContent(
  client: IWorkspaceClient,
  name: string,
  actions: IComputeActions,
  trans: TranslationBundle
): ThingContent<ITarget> {
  const model = new ThingModel(client, targets, name, null);
  const labels = { start: trans.__('Start'), stop: trans.__('Stop'), restart: trans.__('Restart') };
  return new ThingContent({
    model,
    kind: trans.__('Compute'),
    tabs: ({ target }) => [
      { key: 'overview', label: trans.__('Overview'), content: Overview },
      ...(target.nodes ? [{ key: 'nodes', label: `${trans.__('Nodes')} ${target.nodes.length}`, content: Nodes }] : []),
      { key: 'queue', label: `${trans.__('Queue')} ${target.runs.length}`, content: Queue }
    ],
    beside: ({ target }) => <span className="aml-Tag aml-mod-fixed">{target.state}</span>,
    actions: ({ name, target }) => (
      <>
        {actionsOf(target.type, target.state).map(action => (
          <button
            key={action}
            className="aml-Button"
            onClick={() => void model.perform(() => actions.ask(name, action))}
          >
            {labels[action]}
          </button>
        ))}
        {target.max_nodes !== undefined && (
          <button className="aml-Button" onClick={() => void model.perform(() => actions.resize(name))}>
            {trans.__('Resize…')}
          </button>
        )}
        <button className="aml-Button" onClick={() => actions.insert(computeCode(name, client.workspace))}>
          {trans.__('Use in notebook')}
        </button>
        <span className="aml-Page-space" />
        <button className="aml-Button" onClick={() => void model.perform(() => actions.remove(name))}>
          {target.type === 'VirtualMachine' ? trans.__('Detach…') : trans.__('Delete…')}
        </button>
      </>
    ),
    openRun: id => actions.openRun(id),
    trans
  });
}

function text(given: unknown): string {
  return given === null || given === undefined || (Array.isArray(given) && given.length === 0)
    ? ''
    : typeof given === 'object'
      ? JSON.stringify(given)
      : String(given);
}

function Overview(props: IThingTab<ITarget>): JSX.Element {
  const { thing, trans } = props;
  const { target } = thing;
  const errors = text(target.errors);
  return (
    <div className="aml-Overview">
      {errors && (
        <div className="aml-Error" role="alert">
          {errors}
        </div>
      )}
      {thing.description && <p className="aml-Note">{thing.description}</p>}
      <Facts
        rows={[
          [trans.__('Kind'), target.type],
          [trans.__('State'), target.state],
          [
            trans.__('Nodes'),
            target.max_nodes === undefined
              ? ''
              : trans.__('%1 now, %2 to %3', target.current_nodes ?? 0, target.min_nodes ?? 0, target.max_nodes)
          ],
          [trans.__('Size'), text(target.vm_size)],
          [
            trans.__('Stops when idle for'),
            target.idle_seconds === undefined || target.idle_seconds === null ? '' : duration(target.idle_seconds)
          ],
          [trans.__('Limits'), text(target.limits)],
          [trans.__('Nodes come from'), text(target.backend)],
          [trans.__('Address'), target.address ? `${target.username}@${target.address}:${target.ssh_port}` : ''],
          [trans.__('Runs'), trans.__('%1 running, %2 waiting', target.running, target.queued)],
          [
            trans.__('Created'),
            typeof target.created === 'number'
              ? moment(target.created)
              : moment(Date.parse(target.created ?? '') / 1000)
          ],
          [trans.__('By'), target.user],
          [trans.__('Tags'), Object.keys(thing.tags).length > 0 && <TagMarks tags={thing.tags} trans={trans} />]
        ]}
      />
    </div>
  );
}

function Nodes(props: IThingTab<ITarget>): JSX.Element {
  const { thing, trans } = props;
  const nodes = thing.target.nodes ?? [];
  const keys = [...new Set(nodes.flatMap(node => Object.keys(node)))];
  if (nodes.length === 0) {
    return <p className="aml-Message">{trans.__('No node is on. One is started when a run waits.')}</p>;
  }
  return (
    <table className="aml-Table">
      <thead>
        <tr>
          {keys.map(key => (
            <th key={key}>{key.replace(/_/g, ' ')}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {nodes.map((node, at) => (
          <tr key={at}>
            {keys.map(key => (
              <td key={key}>{text(node[key])}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Runs whose names are asked for. */
const NAMED = 50;

function Queue(props: IThingTab<ITarget>): JSX.Element {
  const { model, thing, openRun, trans } = props;
  const { runs } = thing.target;
  const named = useLoaded(
    async () =>
      new Map(
        await Promise.all(
          runs.slice(0, NAMED).map(async one => [one.run, await model.client.run(one.run).catch(() => null)] as const)
        )
      ),
    [runs.map(one => `${one.run} ${one.state}`).join()]
  );
  if (runs.length === 0) {
    return <p className="aml-Message">{trans.__('No run waits for it, and none is executed on it.')}</p>;
  }
  return (
    <table className="aml-Table">
      <thead>
        <tr>
          <th />
          <th>{trans.__('Run')}</th>
          <th>{trans.__('State')}</th>
          <th>{trans.__('In the queue since')}</th>
          <th />
        </tr>
      </thead>
      <tbody>
        {runs.map(({ run: id, state, since }) => {
          const run = named.value?.get(id);
          return (
            <tr key={id}>
              <td>{run && <Status status={run.status} trans={trans} />}</td>
              <th scope="row">
                <button className="aml-Link" onClick={() => openRun(id)}>
                  {run ? title(run) : id}
                </button>
              </th>
              <td>{state === 'claimed' ? trans.__('executed') : trans.__('waits')}</td>
              <td className="aml-mod-short">{moment(since)}</td>
              <td>
                <button
                  className="aml-Button"
                  aria-label={trans.__('Cancel %1', run ? title(run) : id)}
                  onClick={() => void model.perform(() => model.client.cancelRun(id))}
                >
                  {trans.__('Cancel')}
                </button>
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
