import * as React from 'react';

import { Facts, Note, TagMarks } from '../../components/facts';
import { useLoaded, useSignal } from '../../components/hooks';
import { Problem } from '../../components/problem';
import { Table } from '../../components/table';
import { moment, value } from '../../format';
import { Lineage } from '../assets/lineage';
import { IThingTab } from '../assets/types';
import { IColumnProfile, IData, PreviewModel, profileOf, usesOf } from './model';

type ITab = IThingTab<IData>;
/** A row and its place. */
type IRow = { index: number; cells: unknown[] };

const NONE: ReadonlySet<string> = new Set();
const NUMERIC = /^(u?int|float|double|decimal)/;

/** The rows as they are, in a table of any length. */
export function Preview(props: ITab): JSX.Element {
  const { model, thing, trans } = props;
  const preview = React.useMemo(
    () =>
      new PreviewModel(model.client, thing.name, thing.version, {
        path: trans.__('File'),
        size: trans.__('Size in bytes')
      }),
    [model, thing.name, thing.version, trans]
  );
  useSignal(preview.stateChanged);
  const [widths, setWidths] = React.useState<Record<string, number>>({});
  const fitting = React.useMemo(
    () => preview.columns.map(({ name }, at) => fit([name, ...HEAD.map(row => cellText(preview.at(row)?.[at]))])),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- of the first rows, when they are there
    [preview.columns, preview.loaded]
  );
  if (preview.error && !preview.loaded) {
    return <Problem error={preview.error} retry={() => preview.retry()} trans={trans} />;
  }
  if (!preview.loaded) {
    return <div className="aml-Message">{trans.__('Loading…')}</div>;
  }
  const known = preview.count.toLocaleString();
  const size = preview.open ? trans.__('more than %1', (preview.count - 1).toLocaleString()) : known;
  const kinds = thing.dataset.type === 'tabular' ? trans.__('%1 rows', size) : trans.__('%1 files', size);
  return (
    <>
      <p className="aml-Message" role="status">
        {kinds}
        {thing.dataset.type === 'tabular' && ', ' + trans._n('%1 column', '%1 columns', preview.columns.length)}
      </p>
      {preview.error && <Problem error={preview.error} retry={() => preview.retry()} trans={trans} />}
      <Table<IRow>
        label={trans.__('Rows of %1', thing.name)}
        columns={[
          { id: '#', label: '', width: 64, numeric: true, render: row => <small>{row.index}</small> },
          ...preview.columns.map((column, at) => ({
            id: `${at} ${column.name}`,
            label: column.name,
            title: `${column.name}: ${column.type}`,
            width: widths[`${at} ${column.name}`] ?? fitting[at],
            numeric: NUMERIC.test(column.type),
            render: (row: IRow) => cell(row.cells[at]),
            hint: (row: IRow) => cellText(row.cells[at])
          }))
        ]}
        source={{
          count: preview.count,
          open: preview.open,
          at: index => {
            const cells = preview.at(index);
            return cells && { index, cells };
          }
        }}
        version={preview.version}
        keyOf={row => String(row.index)}
        nameOf={row => String(row.index)}
        order={null}
        onOrder={() => undefined}
        selected={NONE}
        onRows={(start, stop) => preview.show(start, stop)}
        onOpen={() => undefined}
        onResize={(column, width) => setWidths({ ...widths, [column]: width })}
        empty={trans.__('There are no rows.')}
        trans={trans}
      />
    </>
  );
}

/** Rows after which columns are made wide enough. */
const HEAD = Array.from({ length: 20 }, (_, at) => at);

function fit(texts: readonly string[]): number {
  return Math.min(320, Math.max(90, ...texts.map(text => 24 + 8 * text.length)));
}

function cell(given: unknown): React.ReactNode {
  return given === null || given === undefined ? <span className="aml-Grid-waiting">null</span> : cellText(given);
}

function cellText(given: unknown): string {
  return given === null || given === undefined
    ? 'null'
    : typeof given === 'object'
      ? JSON.stringify(given)
      : String(given);
}

/** Statistics of each column, with its distribution. */
export function Profile(props: ITab): JSX.Element {
  const { model, thing, trans } = props;
  const { value: profile, error } = useLoaded(() => profileOf(model.client, thing), [thing.name, thing.version]);
  if (error) {
    return (
      <div className="aml-Message aml-mod-error" role="alert">
        {error}
      </div>
    );
  }
  if (!profile) {
    return <div className="aml-Message">{trans.__('The data are being looked through…')}</div>;
  }
  return (
    <>
      <p className="aml-Message">
        {trans._n('%1 row', '%1 rows', profile.rows)}
        {!profile.exact && ` · ${trans.__('estimated from a part of them')}`}
      </p>
      <table className="aml-Table aml-Profile">
        <thead>
          <tr>
            <th>{trans.__('Column')}</th>
            <th>{trans.__('Distribution')}</th>
            <th>{trans.__('Missing')}</th>
            <th>{trans.__('Distinct')}</th>
            <th>{trans.__('Least')}</th>
            <th>{trans.__('Mean')}</th>
            <th>{trans.__('Deviation')}</th>
            <th>{trans.__('Most')}</th>
          </tr>
        </thead>
        <tbody>
          {profile.columns.map(column => (
            <tr key={column.name}>
              <th scope="row">
                {column.name} <small>{column.type}</small>
              </th>
              <td>
                <Distribution column={column} label={trans.__('Distribution of %1', column.name)} />
              </td>
              <td className={`aml-mod-number${column.missing > 0 ? ' aml-Bad' : ''}`}>
                {column.missing.toLocaleString()}
              </td>
              <td className="aml-mod-number">{value(column.distinct)}</td>
              <td className="aml-mod-number">{value(column.min)}</td>
              <td className="aml-mod-number">{value(column.mean)}</td>
              <td className="aml-mod-number">{value(column.std)}</td>
              <td className="aml-mod-number">{value(column.max)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

const WIDTH = 160;
const HEIGHT = 32;
/** Values of a text column that are shown. */
const TOP = 3;

/** Bars for numbers; the most frequent values for anything else. */
function Distribution(props: { column: IColumnProfile; label: string }): JSX.Element | null {
  const { histogram, top } = props.column;
  if (histogram && histogram.length > 0) {
    const most = Math.max(1, ...histogram.map(bin => bin.count));
    const wide = WIDTH / histogram.length;
    return (
      <svg className="aml-Bars" width={WIDTH} height={HEIGHT} role="img" aria-label={props.label}>
        {histogram.map((bin, at) => (
          <rect
            key={at}
            x={at * wide + 0.5}
            width={Math.max(1, wide - 1)}
            y={HEIGHT - (bin.count / most) * HEIGHT}
            height={(bin.count / most) * HEIGHT}
          >
            <title>{`${value(bin.lower)} … ${value(bin.upper)}: ${bin.count}`}</title>
          </rect>
        ))}
      </svg>
    );
  }
  if (!top || top.length === 0) {
    return null;
  }
  const all = Math.max(1, props.column.count);
  return (
    <ul className="aml-Top">
      {top.slice(0, TOP).map((one, at) => (
        <li key={at} style={{ '--aml-share': one.count / all } as React.CSSProperties}>
          <span>{cellText(one.value)}</span> <small>{one.count.toLocaleString()}</small>
        </li>
      ))}
    </ul>
  );
}

export function DataLineage(props: ITab): JSX.Element {
  const { model, thing, openRun, trans } = props;
  const uses = useLoaded(() => usesOf(model.client, thing), [thing.name, thing.version, model.read]);
  return (
    <Lineage
      name={`${thing.name} v${thing.version}`}
      uses={uses}
      openRun={openRun}
      none={trans.__('No run has read or written this version so far.')}
      trans={trans}
    />
  );
}

export function DataOverview(props: ITab): JSX.Element {
  const { model, thing, openRun, trans } = props;
  const { dataset } = thing;
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
          [trans.__('Kind'), dataset.type === 'tabular' ? trans.__('Table') : trans.__('Files')],
          [trans.__('Format'), dataset.source],
          [
            trans.__('Where it lies'),
            <ul key="places" className="aml-Places">
              {dataset.places.map(place => (
                <li key={place}>
                  <code>{place}</code>
                </li>
              ))}
            </ul>
          ],
          [trans.__('Steps'), dataset.steps.join(' → ')],
          [trans.__('Partitioned by'), dataset.partition_keys.join(', ')],
          [trans.__('Registered'), moment(dataset.created)],
          [trans.__('By'), dataset.user],
          [
            trans.__('From run'),
            dataset.run && (
              <button key="run" className="aml-Link" onClick={() => openRun(dataset.run as string)}>
                {dataset.run}
              </button>
            )
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
          [trans.__('Id'), <code key="id">{dataset.id}</code>]
        ]}
      />
    </div>
  );
}
