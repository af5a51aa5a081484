import { TranslationBundle } from '@jupyterlab/translation';

import { ILoaded, useLoaded } from '../../components/hooks';
import { Status } from '../../components/status';
import { moment, title } from '../../format';
import { IWorkspaceClient } from '../../tokens';
import { ILink } from '../../wire';
import { IThing, IThingTab, IUse } from './types';

/** Runs whose names are asked for. */
const NAMED = 50;

/** Links with what is known of their runs. */
export async function usesOf(client: IWorkspaceClient, links: readonly ILink[]): Promise<IUse[]> {
  const ids = [...new Set(links.map(link => link.run))].slice(-NAMED);
  const runs = new Map(await Promise.all(ids.map(async id => [id, await client.run(id).catch(() => null)] as const)));
  return links.map(({ run: id, role, label, time }) => {
    const run = runs.get(id);
    return {
      run: id,
      role,
      label,
      time,
      name: run ? title(run) : id,
      experiment: run?.experiment ?? '',
      status: run?.status ?? ''
    };
  });
}

/** Where a version comes from, and where it went: runs on its left made it, runs on its right read it. */
export function Lineage(props: {
  name: string;
  uses: ILoaded<IUse[]>;
  openRun(id: string): void;
  /** What is said when no run had to do with it. */
  none: string;
  trans: TranslationBundle;
}): JSX.Element {
  const { uses, trans } = props;
  if (uses.error) {
    return (
      <div className="aml-Message aml-mod-error" role="alert">
        {uses.error}
      </div>
    );
  }
  if (!uses.value) {
    return <div className="aml-Message">{trans.__('Loading…')}</div>;
  }
  const made = uses.value.filter(use => use.role !== 'input');
  const read = uses.value.filter(use => use.role === 'input');
  if (uses.value.length === 0) {
    return <p className="aml-Message">{props.none}</p>;
  }
  return (
    <div className="aml-Lineage">
      <Column
        {...props}
        label={trans.__('Made by')}
        uses={made}
        none={trans.__('No run: it was made outside of one.')}
      />
      <div className="aml-Lineage-thing">{props.name}</div>
      <Column {...props} label={trans.__('Used by')} uses={read} none={trans.__('No run so far.')} />
    </div>
  );
}

/** The lineage of a version whose runs are told by a route of its own. */
export function VersionLineage<T extends IThing>(props: IThingTab<T> & { route: string; none: string }): JSX.Element {
  const { model, thing, route } = props;
  const uses = useLoaded(
    async () => usesOf(model.client, (await model.client.ask<{ links: ILink[] }>(route)).links),
    [route, model.read]
  );
  return (
    <Lineage
      name={`${thing.name} v${thing.version}`}
      uses={uses}
      openRun={props.openRun}
      none={props.none}
      trans={props.trans}
    />
  );
}

function Column(props: {
  label: string;
  uses: readonly IUse[];
  none: string;
  openRun(id: string): void;
  trans: TranslationBundle;
}): JSX.Element {
  const { label, uses, trans } = props;
  return (
    <section className="aml-Lineage-column" aria-label={label}>
      <h3>
        {label} {uses.length > 1 && <span className="aml-Row-count">{uses.length}</span>}
      </h3>
      {uses.length === 0 && <p className="aml-Message">{props.none}</p>}
      <ul>
        {uses.map(use => (
          <li key={`${use.run} ${use.role} ${use.label}`}>
            {use.status && use.status !== 'deleted' ? (
              <>
                <Status status={use.status} trans={trans} />
                <button className="aml-Link" title={use.run} onClick={() => props.openRun(use.run)}>
                  {use.name}
                </button>
              </>
            ) : (
              <span title={use.run}>{trans.__('A run that was deleted')}</span>
            )}
            <small>{[use.experiment, roleOf(use.role, trans), moment(use.time)].filter(Boolean).join(' · ')}</small>
          </li>
        ))}
      </ul>
    </section>
  );
}

function roleOf(role: string, trans: TranslationBundle): string {
  const names: Record<string, string> = {
    input: trans.__('read it'),
    output: trans.__('wrote it'),
    registered: trans.__('registered it')
  };
  return names[role] ?? role;
}
