import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Facts, TagMarks } from '../../components/facts';
import { useLoaded } from '../../components/hooks';
import { bytes, moment } from '../../format';
import { datastoreCode, fileCode } from '../../notebook/snippets';
import { DATABASES, IDatastore, IEntry } from '../../panels/data/wire';
import { IWorkspaceClient } from '../../tokens';
import { ThingContent } from '../assets/content';
import { ThingModel } from '../assets/model';
import { Rows } from '../assets/rows';
import { IThing, IThingTab, IThings } from '../assets/types';

interface IStore extends IThing {
  store: IDatastore;
  /** Whether it is the workspace's default one. */
  standard: boolean;
}

/** Entries that are asked for at once. */
const PAGE = 500;

function route(name: string): string {
  return `datastores/${encodeURIComponent(name)}`;
}

const stores: IThings<IStore> = {
  changed: change => change.noun === 'datastore',

  async load(client, name) {
    const [store, all] = await Promise.all([
      client.ask<IDatastore>(route(name)),
      client.ask<{ default: string }>('datastores')
    ]);
    const { description, tags } = store;
    return { name, version: 0, versions: [], description, tags, store, standard: all.default === name };
  },

  remove: (client, thing) => client.ask(route(thing.name), {}, 'DELETE')
};

/** What a datastore's page can have done. */
export interface IDatastoreActions {
  insert(code: string): void;
  /** Open the menu of what lies there, at a place of the window. */
  menu(datastore: string, entry: IEntry, x: number, y: number): void;
}

/** The page of a datastore. */
export function datastoreContent(
  client: IWorkspaceClient,
  name: string,
  path: string,
  actions: IDatastoreActions,
  trans: TranslationBundle
): ThingContent<IStore> {
  const model = new ThingModel(client, stores, name, null);
  const folder = path.endsWith('/') || !path.includes('.') ? path.replace(/\/$/, '') : parent(path);
  const Files = (props: IThingTab<IStore>) => <Browser {...props} begin={folder} actions={actions} />;
  return new ThingContent({
    model,
    kind: trans.__('Datastore'),
    tabs: thing => [
      ...(DATABASES.has(thing.store.type) ? [] : [{ key: 'files', label: trans.__('Files'), content: Files }]),
      { key: 'about', label: trans.__('About'), content: About }
    ],
    beside: thing => thing.standard && <span className="aml-Tag aml-mod-fixed">{trans.__('default')}</span>,
    actions: thing => (
      <>
        <button className="aml-Button" onClick={() => actions.insert(datastoreCode(thing.name, client.workspace))}>
          {trans.__('Use in notebook')}
        </button>
        {!thing.standard && (
          <button
            className="aml-Button"
            onClick={() => void model.perform(() => client.ask(route(thing.name), {}, 'PATCH', { default: true }))}
          >
            {trans.__('Make it the default')}
          </button>
        )}
      </>
    ),
    openRun: () => undefined,
    trans
  });
}

function parent(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}

/** The files of a folder, and the way to others. */
function Browser(props: IThingTab<IStore> & { begin: string; actions: IDatastoreActions }): JSX.Element {
  const { model, thing, trans } = props;
  const { client } = model;
  const [path, setPath] = React.useState(props.begin);
  const [more, setMore] = React.useState<{ path: string; entries: IEntry[]; next: string | null } | null>(null);
  const ask = (cursor?: string) =>
    client.ask<{ entries: IEntry[]; next: string | null }>(`${route(thing.name)}/tree`, {
      path,
      cursor,
      limit: String(PAGE)
    });
  const first = useLoaded(async () => ({ path, ...(await ask()) }), [thing.name, path, model.read]);
  // The folder before stays until the next one is there: who goes by keys stays in the table.
  const shown = first.error && first.value?.path !== path ? null : first.value;
  const rest = more && more.path === shown?.path ? more : null;
  const entries = React.useMemo(() => [...(shown?.entries ?? []), ...(rest?.entries ?? [])], [shown, rest]);
  const next = rest ? rest.next : shown?.next;
  const nameOf = (entry: IEntry) => entry.path.replace(/\/$/, '').split('/').pop() ?? entry.path;
  const crumbs = path ? path.split('/') : [];
  return (
    <>
      <nav className="aml-Crumbs" aria-label={trans.__('Folder')}>
        <button className="aml-Link" onClick={() => setPath('')}>
          {thing.name}
        </button>
        {crumbs.map((crumb, at) => (
          <React.Fragment key={at}>
            {' / '}
            <button
              className="aml-Link"
              aria-current={at === crumbs.length - 1 ? 'location' : undefined}
              onClick={() => setPath(crumbs.slice(0, at + 1).join('/'))}
            >
              {crumb}
            </button>
          </React.Fragment>
        ))}
      </nav>
      {first.error && (
        <div className="aml-Message aml-mod-error" role="alert">
          {first.error}
        </div>
      )}
      {!shown && !first.error && <div className="aml-Message">{trans.__('Loading…')}</div>}
      {shown && (
        <Rows<IEntry>
          label={trans.__('Files')}
          rows={entries}
          keyOf={entry => entry.path}
          order={null}
          empty={trans.__('Nothing lies here. Put files in with datastore.upload_files([…]).')}
          onOpen={entry => entry.is_folder && setPath(entry.path.replace(/\/$/, ''))}
          onMenu={(entry, x, y) => props.actions.menu(thing.name, entry, x, y)}
          tab={props}
          columns={[
            {
              id: 'name',
              label: trans.__('Name'),
              width: 360,
              by: nameOf,
              hint: entry => entry.path,
              render: entry =>
                entry.is_folder ? (
                  <button className="aml-Link" tabIndex={-1} onClick={() => setPath(entry.path.replace(/\/$/, ''))}>
                    {nameOf(entry)}/
                  </button>
                ) : (
                  nameOf(entry)
                )
            },
            {
              id: 'size',
              label: trans.__('Size'),
              width: 100,
              numeric: true,
              by: entry => entry.size,
              render: entry => (entry.is_folder ? '' : bytes(entry.size))
            },
            {
              id: 'modified',
              label: trans.__('Changed'),
              width: 180,
              by: entry => entry.modified ?? 0,
              render: entry => moment(entry.modified)
            },
            {
              id: 'actions',
              label: '',
              width: 180,
              render: entry => (
                <span className="aml-Links">
                  <button
                    className="aml-Link"
                    tabIndex={-1}
                    onClick={() => props.actions.insert(fileCode(thing.name, entry.path, client.workspace))}
                  >
                    {trans.__('Use')}
                  </button>
                  {!entry.is_folder && (
                    <a
                      className="aml-Link"
                      tabIndex={-1}
                      href={client.address(`${route(thing.name)}/file`, { path: entry.path })}
                      download
                    >
                      {trans.__('Download')}
                    </a>
                  )}
                </span>
              )
            }
          ]}
        />
      )}
      {next && (
        <button
          className="aml-Button"
          onClick={() =>
            void ask(next).then(page =>
              setMore({ path, entries: [...(rest?.entries ?? []), ...page.entries], next: page.next })
            )
          }
        >
          {trans.__('Show more')}
        </button>
      )}
    </>
  );
}

function About(props: IThingTab<IStore>): JSX.Element {
  const { thing, trans } = props;
  const { store } = thing;
  return (
    <div className="aml-Overview">
      {thing.description && <p className="aml-Note">{thing.description}</p>}
      <Facts
        rows={[
          [trans.__('Kind'), store.type],
          ...Object.entries(store.settings).map(([key, given]): [string, string] => [
            key.replace(/_/g, ' '),
            typeof given === 'string' ? given : JSON.stringify(given)
          ]),
          [
            trans.__('Credentials'),
            store.credentials.length > 0 ? trans.__('%1 (in the key vault)', store.credentials.join(', ')) : ''
          ],
          [trans.__('Tags'), Object.keys(store.tags).length > 0 && <TagMarks tags={store.tags} trans={trans} />]
        ]}
      />
    </div>
  );
}
