import { TranslationBundle } from '@jupyterlab/translation';

import { Facts, Note, TagMarks } from '../../components/facts';
import { moment } from '../../format';
import { environmentCode } from '../../notebook/snippets';
import { IWorkspaceClient } from '../../tokens';
import { ThingContent, versionOf } from '../assets/content';
import { ThingModel } from '../assets/model';
import { VersionLineage } from '../assets/lineage';
import { Rows } from '../assets/rows';
import { IThingTab } from '../assets/types';
import { IEnvironment, IRequirement, environments, lineageRoute, requirements } from './model';

/** The page of an environment. */
export function environmentContent(
  client: IWorkspaceClient,
  name: string,
  version: unknown,
  actions: { openRun(id: string): void; insert(code: string): void; remove(model: ThingModel<IEnvironment>): void },
  trans: TranslationBundle
): ThingContent<IEnvironment> {
  const model = new ThingModel(client, environments, name, versionOf(version));
  return new ThingContent({
    model,
    kind: trans.__('Environment'),
    tabs: thing => [
      {
        key: 'packages',
        label: `${trans.__('Packages')} ${requirements(thing.data).length}`,
        content: Packages
      },
      { key: 'about', label: trans.__('About'), content: About },
      { key: 'definition', label: trans.__('Definition'), content: Definition },
      ...(thing.curated ? [] : [{ key: 'runs', label: trans.__('Runs'), content: Runs }])
    ],
    beside: thing => thing.curated && <span className="aml-Tag aml-mod-fixed">{trans.__('curated')}</span>,
    actions: thing => (
      <>
        <button
          className="aml-Button"
          onClick={() =>
            actions.insert(environmentCode(thing.name, thing.curated ? null : String(thing.version), client.workspace))
          }
        >
          {trans.__('Use in notebook')}
        </button>
        <span className="aml-Page-space" />
        {!thing.curated && (
          <button className="aml-Button" onClick={() => actions.remove(model)}>
            {trans.__('Delete version %1…', thing.version)}
          </button>
        )}
      </>
    ),
    openRun: id => actions.openRun(id),
    trans
  });
}

function Packages(props: IThingTab<IEnvironment>): JSX.Element {
  const { thing, trans } = props;
  return (
    <Rows<IRequirement>
      label={trans.__('Packages')}
      rows={requirements(thing.data)}
      keyOf={one => `${one.from} ${one.name}`}
      order="name"
      empty={trans.__('It asks for no package: what the machine has is used.')}
      onOpen={() => undefined}
      tab={props}
      columns={[
        { id: 'name', label: trans.__('Package'), width: 280, by: one => one.name, render: one => one.name },
        { id: 'wanted', label: trans.__('Version'), width: 220, by: one => one.wanted, render: one => one.wanted },
        { id: 'from', label: trans.__('From'), width: 100, by: one => one.from, render: one => one.from }
      ]}
    />
  );
}

function Runs(props: IThingTab<IEnvironment>): JSX.Element {
  const { thing, trans } = props;
  return (
    <VersionLineage
      {...props}
      route={lineageRoute(thing)}
      none={trans.__('No submitted run has used this version so far.')}
    />
  );
}

function About(props: IThingTab<IEnvironment>): JSX.Element {
  const { model, thing, trans } = props;
  const python = (thing.data.python ?? {}) as {
    interpreterPath?: string;
    userManagedDependencies?: boolean;
    condaDependencies?: { channels?: string[] };
  };
  const docker = (thing.data.docker ?? {}) as { enabled?: boolean; baseImage?: string };
  const variables = Object.entries((thing.data.environmentVariables ?? {}) as Record<string, string>);
  return (
    <div className="aml-Overview">
      <Note
        key={`${thing.version} ${thing.description}`}
        text={thing.description}
        onKeep={thing.curated ? undefined : description => void model.change({ description })}
        trans={trans}
      />
      <Facts
        rows={[
          [
            trans.__('Packages'),
            python.userManagedDependencies
              ? trans.__('Those that the interpreter has: nothing is built')
              : trans.__('Built when a run first needs it, and kept for the next')
          ],
          [trans.__('Interpreter'), python.userManagedDependencies ? (python.interpreterPath ?? '') : ''],
          [trans.__('Channels'), (python.condaDependencies?.channels ?? []).join(', ')],
          [trans.__('Container'), docker.enabled ? (docker.baseImage ?? '') : ''],
          [trans.__('Registered'), moment(thing.created)],
          [trans.__('By'), thing.user],
          [
            trans.__('Tags'),
            !thing.curated && (
              <TagMarks
                key="tags"
                tags={thing.tags}
                onChange={(set_tags, drop_tags) => void model.change({ set_tags, drop_tags })}
                trans={trans}
              />
            )
          ]
        ]}
      />
      {variables.length > 0 && (
        <>
          <h2>{trans.__('Environment variables')}</h2>
          <Facts rows={variables} />
        </>
      )}
    </div>
  );
}

function Definition(props: IThingTab<IEnvironment>): JSX.Element {
  return (
    <pre tabIndex={0} className="aml-Code">
      {JSON.stringify(props.thing.data, null, 2)}
    </pre>
  );
}
