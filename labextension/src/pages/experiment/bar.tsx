import { InputDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Popover } from '../../components/popover';
import { Choose } from '../../components/select';
import { IExperimentActions, archiveRuns, cancelRuns, removeRuns } from './actions';
import { BASIC_COLUMNS, anyLive, columnLabel } from './cells';
import { Chooser } from './chooser';
import { FilterBox } from './filter';
import { ExperimentModel } from './model';

export interface IBarProps {
  model: ExperimentModel;
  actions: IExperimentActions;
  trans: TranslationBundle;
}

/** Which runs, and how they are looked at. */
export function Bar(props: IBarProps): JSX.Element {
  const { model, trans } = props;
  const { view } = model;
  const wrong = (model.error as { status?: number } | null)?.status === 400;
  const groups = React.useMemo(
    () => [
      'status',
      'type',
      'user',
      'host',
      ...model.fields.map(one => one.field).filter(field => /^(params|tags)\./.test(field))
    ],
    [model.fields]
  );
  return (
    <div className="aml-Bar" role="toolbar" aria-label={trans.__('Which runs are shown')}>
      <input
        className="jp-mod-styled aml-Bar-text"
        type="search"
        placeholder={trans.__('Name or id')}
        aria-label={trans.__('Part of a run’s name or id')}
        value={view.text}
        onChange={event => model.change({ text: event.target.value })}
      />
      <FilterBox
        text={view.filter}
        fields={model.fields}
        wrong={wrong}
        onChange={filter => model.change({ filter })}
        trans={trans}
      />
      <Choose
        label={trans.__('Group by')}
        names={groups}
        value={view.group}
        none={trans.__('nothing')}
        show={name => (name.includes('.') ? name : columnLabel(name, trans))}
        onChange={group => model.change({ group })}
      />
      <Popover label={trans.__('Columns')}>
        {() => (
          <Chooser
            columns={model.columns}
            basic={BASIC_COLUMNS}
            fields={model.fields}
            more={model.moreFields}
            label={column => columnLabel(column, trans)}
            onChange={columns => model.change({ columns })}
            trans={trans}
          />
        )}
      </Popover>
      <Popover label={trans.__('Views')}>{close => <ViewList {...props} close={close} />}</Popover>
      <label>
        <input
          type="checkbox"
          checked={view.everywhere}
          onChange={event => model.change({ everywhere: event.target.checked })}
        />{' '}
        {trans.__('Runs below')}
      </label>
      <label title={trans.__('Runs that were archived, instead of the others')}>
        <input
          type="checkbox"
          checked={view.archived}
          onChange={event => model.change({ archived: event.target.checked })}
        />{' '}
        {trans.__('Archived')}
      </label>
      <label>
        <input
          type="checkbox"
          checked={view.charts}
          onChange={event => model.change({ charts: event.target.checked })}
        />{' '}
        {trans.__('Charts')}
      </label>
    </div>
  );
}

function ViewList(props: IBarProps & { close: () => void }): JSX.Element {
  const { model, trans, close } = props;
  const names = model.viewNames;
  return (
    <div className="aml-Views">
      {names.length === 0 && (
        <p className="aml-Message">
          {trans.__('A view keeps the filter, the order, the groups and the columns under a name.')}
        </p>
      )}
      <ul>
        {names.map(name => (
          <li key={name}>
            <button
              className="aml-Link"
              onClick={() => {
                model.showView(name);
                close();
              }}
            >
              {name}
            </button>
            <button
              className="aml-Link"
              aria-label={trans.__('Remove the view %1', name)}
              title={trans.__('Remove this view')}
              onClick={() => void model.removeView(name)}
            >
              ×
            </button>
          </li>
        ))}
      </ul>
      <button
        className="aml-Button"
        onClick={async () => {
          close();
          const { value } = await InputDialog.getText({
            title: trans.__('Save this view'),
            label: trans.__('Its name'),
            okLabel: trans.__('Save')
          });
          if (value?.trim()) {
            await model.saveView(value.trim());
          }
        }}
      >
        {trans.__('Save as…')}
      </button>
      <button
        className="aml-Button"
        onClick={() => {
          model.showView('');
          close();
        }}
      >
        {trans.__('As at first')}
      </button>
    </div>
  );
}

/** What can be done with the selected runs. */
export function Selected(props: IBarProps): JSX.Element {
  const { model, actions, trans } = props;
  const rows = model.selectedRows;
  const count = rows.length;
  return (
    <div className="aml-Selected" role="toolbar" aria-label={trans.__('What to do with the selected runs')}>
      <span role="status">{trans._n('%1 run selected', '%1 runs selected', count)}</span>
      <button
        className="aml-Button"
        disabled={count < 2}
        title={count < 2 ? trans.__('Select two runs or more') : undefined}
        onClick={() => actions.compare(rows.map(row => row.id))}
      >
        {trans.__('Compare')}
      </button>
      <button className="aml-Button" disabled={!anyLive(rows)} onClick={() => void cancelRuns(model, rows, trans)}>
        {trans.__('Cancel')}
      </button>
      <button
        className="aml-Button"
        disabled={count === 0}
        title={model.view.archived ? undefined : trans.__('Hide them; nothing is deleted')}
        onClick={() => void archiveRuns(model, rows, !model.view.archived, trans)}
      >
        {model.view.archived ? trans.__('Restore') : trans.__('Archive')}
      </button>
      <button className="aml-Button" disabled={count === 0} onClick={() => void removeRuns(model, rows, trans)}>
        {trans.__('Delete…')}
      </button>
      <button className="aml-Button" disabled={model.selected.size === 0} onClick={() => model.select(new Set())}>
        {trans.__('Select none')}
      </button>
      <a className="aml-Button" href={model.exportUrl} download={`${model.name}.csv`}>
        {trans.__('Export as CSV')}
      </a>
    </div>
  );
}
