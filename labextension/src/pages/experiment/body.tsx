import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { useNow, useSignal } from '../../components/hooks';
import { colour } from '../../components/palette';
import { Problem } from '../../components/problem';
import { Table } from '../../components/table';
import { title, value } from '../../format';
import { IRow } from '../../wire';
import { IExperimentActions, editRun } from './actions';
import { Bar, Selected } from './bar';
import { CellEditor, columnsOf } from './cells';
import { Charts, OVERLAID } from './charts';
import { shortName } from './fields';
import { IGroupHead, Item, isGroup } from './groups';
import { ExperimentModel } from './model';

export interface IExperimentProps {
  model: ExperimentModel;
  actions: IExperimentActions;
  /** Shows the menu of the selected runs at a place of the window. */
  menu: (x: number, y: number) => void;
  trans: TranslationBundle;
}

/** The page of an experiment: charts above, its runs below. */
export function ExperimentBody(props: IExperimentProps): JSX.Element {
  const { model, actions, trans } = props;
  useSignal(model.stateChanged);
  const now = useNow(model.running);
  const { view, selected } = model;
  const places = new Map(model.selectedRows.slice(0, OVERLAID).map((row, index) => [row.id, index]));
  const mark = (row: IRow) => (places.has(row.id) ? colour(places.get(row.id) ?? 0) : null);
  const columns = React.useMemo(
    () => columnsOf(model.columns, model.fields, view.widths, now, row => actions.openRun(row.id), mark, trans),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- by content: rows are drawn anew whenever columns are
    [model.columns.join('\n'), model.fields, view.widths, now, [...places.keys()].join()]
  );
  // Rows that are loaded below those that are seen change nothing above the table, unless some are selected.
  const { drawn, fields, fieldsLoaded, loaded } = model;
  const some = model.rows.length > 0;
  const version = selected.size > 0 ? model.version : 0;
  const charts = React.useMemo(
    () => view.charts && <Charts model={model} open={actions.openRun} trans={trans} />,
    // eslint-disable-next-line react-hooks/exhaustive-deps -- what of the model it is drawn from
    [view, selected, version, drawn, fields, fieldsLoaded, loaded, some, model.error]
  );
  const open = (item: Item) => (isGroup(item) ? model.groups?.toggle(item.key) : actions.openRun(item.id));
  const { error, loading, source } = model;
  const refused = (error as { status?: number } | null)?.status;
  return (
    <div className="aml-Wide">
      <header className="aml-Page-head">
        <h1 title={model.name}>{model.name}</h1>
        {model.experiment && (
          <span className="aml-Page-duration">{trans._n('%1 run', '%1 runs', model.experiment.run_count)}</span>
        )}
        {model.experiment?.archived && (
          <>
            <span>{trans.__('archived')}</span>
            <button className="aml-Button" onClick={() => void model.archive(false)}>
              {trans.__('Restore')}
            </button>
          </>
        )}
        {!model.connected && (
          <span className="aml-Bad" role="status">
            {trans.__('Not connected: what is shown may be old.')}
          </span>
        )}
      </header>
      {model.gone && (
        <div className="aml-Message aml-mod-error" role="alert">
          {trans.__('There is no experiment of this name: it was deleted, or nothing has run in it yet.')}
        </div>
      )}
      <Bar {...props} />
      {error && (
        <Problem error={error} retry={refused === 400 ? undefined : () => void model.refresh()} trans={trans} />
      )}
      {charts}
      <Selected {...props} />
      {model.stale && (
        <div className="aml-Message" role="status">
          {trans.__('Runs have come or changed places.')}{' '}
          <button className="aml-Link" onClick={() => void model.refresh()}>
            {trans.__('Show them in order')}
          </button>
        </div>
      )}
      {loading && (
        <div className="aml-Progress" role="status">
          <progress value={loading.have} max={loading.wanted} aria-label={trans.__('Loading runs')} />{' '}
          {trans.__('%1 of %2 runs loaded', loading.have.toLocaleString(), loading.wanted.toLocaleString())}
        </div>
      )}
      {model.groups && !model.groups.whole && (
        <div className="aml-Message">
          {trans.__(
            'Counted among the first %1 runs; a filter makes them fewer.',
            model.groups.lookedAt.toLocaleString()
          )}
        </div>
      )}
      <Table<Item>
        label={trans.__('Runs of %1', model.name)}
        columns={columns}
        source={source}
        version={model.version}
        keyOf={item => (isGroup(item) ? null : item.id)}
        nameOf={item => (isGroup(item) ? '' : title(item))}
        paintWhole={(node, item) => isGroup(item) && paintHead(node, item, view.group, trans)}
        order={view.order}
        onOrder={column => model.sort(column)}
        selected={selected}
        onSelect={ids => model.select(ids)}
        onRows={(start, stop) => model.want(start, stop)}
        onOpen={open}
        onMenu={(item, x, y) => {
          if (!isGroup(item)) {
            if (!selected.has(item.id)) {
              model.select(new Set([item.id]));
            }
            props.menu(x, y);
          }
        }}
        onResize={(column, width) => model.change({ widths: { ...view.widths, [column]: width } })}
        editor={(item, column, close) =>
          isGroup(item) ? null : (
            <CellEditor
              row={item}
              column={column.id}
              close={close}
              onEdit={edit => void editRun(model, item, edit, trans)}
              trans={trans}
            />
          )
        }
        empty={<Empty {...props} />}
        trans={trans}
      />
    </div>
  );
}

function paintHead(node: HTMLElement, head: IGroupHead, by: string, trans: TranslationBundle): void {
  const name = shortName(by);
  const text =
    head.value === undefined
      ? trans.__('other values of %1', name)
      : head.value === null
        ? trans.__('without %1', name)
        : `${name} = ${value(head.value)}`;
  const line = document.createElement('span');
  line.className = 'aml-Group';
  line.setAttribute('aria-expanded', String(head.open));
  const said = document.createElement('b');
  said.textContent = text;
  line.append(caret(head.open), said);
  if (head.count !== null) {
    const count = document.createElement('span');
    count.textContent = trans._n('%1 run', '%1 runs', head.count);
    line.append(count);
  }
  node.replaceChildren(line);
}

function caret(open: boolean): Element {
  const picture = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  picture.setAttribute('viewBox', '0 0 8 8');
  picture.setAttribute('aria-hidden', 'true');
  const shape = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  shape.setAttribute('d', open ? 'M1 2h6L4 6z' : 'M2 1v6l4-3z');
  picture.append(shape);
  return picture;
}

function Empty(props: IExperimentProps): JSX.Element {
  const { model, trans } = props;
  if (!model.loaded) {
    return <div className="aml-Message">{trans.__('Loading…')}</div>;
  }
  if (model.error) {
    return <></>;
  }
  if (!model.unfiltered) {
    return (
      <div className="aml-Message">
        {model.view.archived ? trans.__('No archived run fits.') : trans.__('No run fits.')}{' '}
        <button className="aml-Link" onClick={() => model.change({ text: '', filter: '', archived: false })}>
          {trans.__('Show all')}
        </button>
      </div>
    );
  }
  if (model.experiment?.run_count) {
    return (
      <div className="aml-Message">
        {trans.__('All of its runs are archived.')}{' '}
        <button className="aml-Link" onClick={() => model.change({ archived: true })}>
          {trans.__('Show them')}
        </button>
      </div>
    );
  }
  return (
    <div className="aml-Empty">
      <p>{trans.__('Nothing has run in this experiment yet. Write in a notebook:')}</p>
      <pre>{`from jupyter_aml import Experiment, Workspace\nrun = Experiment(Workspace.default(), ${JSON.stringify(model.name)}).start_logging()`}</pre>
    </div>
  );
}
