import { Facts, Marks, Note, TagMarks } from '../../components/facts';
import { bytes, moment } from '../../format';
import { IAsset } from '../../wire';
import { VersionLineage } from '../assets/lineage';
import { Rows } from '../assets/rows';
import { IThingTab } from '../assets/types';
import { IModel, aliasesOf, fileRoute, lineageRoute, setAlias, sizeOf } from './model';

type ITab = IThingTab<IModel>;

/** What the version is, with what can be written on it. */
export function ModelOverview(props: ITab): JSX.Element {
  const { model, thing, openRun, trans } = props;
  const { asset } = thing;
  const { data } = asset;
  const text = (given: unknown) => (given === null || given === undefined ? '' : String(given));
  return (
    <div className="aml-Overview">
      <Note
        key={`${thing.version} ${thing.description}`}
        text={thing.description}
        onKeep={description => void model.change({ description })}
        trans={trans}
      />
      <Facts
        rows={[
          [
            trans.__('Aliases'),
            <Marks
              key="aliases"
              marks={aliasesOf(thing, thing.version).map(key => ({ key, text: key }))}
              add={trans.__('alias, such as production')}
              onAdd={alias => void model.perform(() => setAlias(model.client, thing.name, alias, thing.version))}
              onRemove={alias => void model.perform(() => setAlias(model.client, thing.name, alias, null))}
              trans={trans}
            />
          ],
          [
            trans.__('Tags'),
            <TagMarks
              key="tags"
              tags={thing.tags}
              onChange={(set_tags, drop_tags) => void model.change({ set_tags, drop_tags })}
              trans={trans}
            />
          ],
          [trans.__('Framework'), [text(data.framework), text(data.framework_version)].join(' ').trim()],
          [trans.__('Registered'), moment(asset.created)],
          [trans.__('By'), asset.user],
          [
            trans.__('From run'),
            asset.run && (
              <button key="run" className="aml-Link" onClick={() => openRun(asset.run as string)}>
                {asset.run}
              </button>
            )
          ],
          [trans.__('Experiment'), text(data.experiment)],
          [
            trans.__('Files'),
            trans._n('%1 file, %2', '%1 files, %2', Object.keys(asset.files).length, bytes(sizeOf(asset)))
          ],
          [trans.__('Snapshot'), data.snapshot ? <code key="snapshot">{text(data.snapshot).slice(0, 16)}</code> : '']
        ]}
      />
      {Object.keys(asset.properties).length > 0 && (
        <>
          <h2>{trans.__('Properties')}</h2>
          <Facts rows={Object.entries(asset.properties)} />
        </>
      )}
    </div>
  );
}

export function ModelVersions(props: ITab): JSX.Element {
  const { model, thing, trans } = props;
  return (
    <Rows<IAsset>
      label={trans.__('Versions')}
      rows={thing.all}
      keyOf={one => String(one.version)}
      order="-version"
      empty={trans.__('There is no version.')}
      onOpen={one => {
        model.show(one.version);
        model.tab = 'overview';
      }}
      tab={props}
      columns={[
        {
          id: 'version',
          label: trans.__('Version'),
          width: 90,
          by: one => one.version,
          render: one => (
            <button
              className="aml-Link"
              tabIndex={-1}
              aria-current={one.version === thing.version}
              onClick={() => model.show(one.version)}
            >
              {one.version}
            </button>
          )
        },
        {
          id: 'aliases',
          label: trans.__('Aliases'),
          width: 160,
          by: one => aliasesOf(thing, one.version).join(),
          render: one => aliasesOf(thing, one.version).join(', ')
        },
        {
          id: 'created',
          label: trans.__('Registered'),
          width: 170,
          by: one => one.created,
          render: one => moment(one.created)
        },
        { id: 'user', label: trans.__('By'), width: 110, by: one => one.user, render: one => one.user },
        {
          id: 'size',
          label: trans.__('Size'),
          width: 90,
          numeric: true,
          by: one => sizeOf(one),
          render: one => bytes(sizeOf(one))
        },
        {
          id: 'tags',
          label: trans.__('Tags'),
          width: 260,
          render: one =>
            Object.entries(one.tags)
              .map(([key, text]) => (text ? `${key}: ${text}` : key))
              .join(', ')
        },
        { id: 'description', label: trans.__('Description'), width: 280, render: one => one.description }
      ]}
    />
  );
}

export function ModelFiles(props: ITab): JSX.Element {
  const { model, thing, trans } = props;
  return (
    <table className="aml-Table">
      <thead>
        <tr>
          <th>{trans.__('File')}</th>
          <th>{trans.__('Size')}</th>
          <th>SHA-256</th>
          <th />
        </tr>
      </thead>
      <tbody>
        {Object.entries(thing.asset.files).map(([path, [digest, size]]) => (
          <tr key={path}>
            <th scope="row">{path}</th>
            <td className="aml-mod-short">{bytes(size)}</td>
            <td>
              <code title={digest}>{digest.slice(0, 12)}</code>
            </td>
            <td>
              <a href={model.client.address(fileRoute(thing.asset, path))} download>
                {trans.__('Download')}
              </a>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function ModelLineage(props: ITab): JSX.Element {
  const { thing, trans } = props;
  return (
    <VersionLineage
      {...props}
      route={lineageRoute(thing)}
      none={trans.__('No run had to do with this version: it was registered from files outside of a run.')}
    />
  );
}
