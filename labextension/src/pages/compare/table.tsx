import * as React from 'react';

import { Status } from '../../components/status';
import { colour } from '../../components/palette';
import { shorten } from '../../components/scatter';
import { moment, runDuration, title, value } from '../../format';
import { IRun } from '../../wire';
import { ICompared, compared } from './fields';
import { IPart } from './parts';

/** Rows of a part that are shown at once. */
const SHOWN = 200;

/** Facts, parameters, metrics and tags beside each other. */
export function ComparedTable(props: IPart): JSX.Element {
  const { model, openRun, trans } = props;
  const { runs } = model;
  const [wanted, setWanted] = React.useState('');
  const parts = React.useMemo(
    () =>
      [
        { key: 'params' as const, label: trans.__('Parameters') },
        { key: 'metrics' as const, label: trans.__('Metrics') },
        { key: 'tags' as const, label: trans.__('Tags') }
      ].map(part => ({ ...part, rows: compared(runs, part.key) })),
    [runs, trans]
  );
  const facts: [string, (run: IRun) => React.ReactNode][] = [
    [trans.__('Status'), run => <Status status={run.status} label trans={trans} />],
    [trans.__('Experiment'), run => run.experiment],
    [trans.__('Started'), run => moment(run.started ?? run.created)],
    [trans.__('Duration'), run => runDuration(run, Date.now() / 1000)],
    [trans.__('By'), run => run.user],
    [trans.__('Notes'), run => run.description]
  ];
  return (
    <div className="aml-Compared">
      <input
        className="jp-mod-styled"
        type="search"
        placeholder={trans.__('Find a parameter, metric or tag')}
        aria-label={trans.__('Find a parameter, metric or tag')}
        value={wanted}
        onChange={event => setWanted(event.target.value)}
      />
      <div className="aml-Compared-scroll" tabIndex={0} role="region" aria-label={trans.__('Runs beside each other')}>
        <table>
          <thead>
            <tr>
              <td />
              {runs.map(run => (
                <th key={run.id} scope="col">
                  <i className="aml-Swatch" style={{ background: colour(model.place(run)) }} />
                  <button className="aml-Link" title={title(run)} onClick={() => openRun(run.id)}>
                    {shorten(title(run), 40)}
                  </button>
                  <button
                    className="aml-Link"
                    aria-label={trans.__('Leave out %1', title(run))}
                    title={trans.__('Leave it out')}
                    onClick={() => model.remove(run.id)}
                  >
                    ×
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {facts.map(([name, show]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                {runs.map(run => (
                  <td key={run.id}>{show(run)}</td>
                ))}
              </tr>
            ))}
          </tbody>
          {parts.map(part => (
            <Part key={part.key} label={part.label} rows={part.rows} runs={runs} wanted={wanted} trans={trans} />
          ))}
        </table>
      </div>
    </div>
  );
}

function Part(props: {
  label: string;
  rows: readonly ICompared[];
  runs: readonly IRun[];
  wanted: string;
  trans: IPart['trans'];
}): JSX.Element | null {
  const { rows, runs, trans } = props;
  const [same, setSame] = React.useState(false);
  const look = props.wanted.trim().toLowerCase();
  const found = look ? rows.filter(row => row.name.toLowerCase().includes(look)) : rows;
  const alike = found.filter(row => !row.differs).length;
  const all = same || look !== '' || runs.length < 2 ? found : found.filter(row => row.differs);
  if (rows.length === 0) {
    return null;
  }
  return (
    <tbody>
      <tr className="aml-mod-part">
        <th scope="rowgroup" colSpan={runs.length + 1}>
          {props.label}
          {alike > 0 && look === '' && runs.length > 1 && (
            <button className="aml-Link" aria-expanded={same} onClick={() => setSame(!same)}>
              {same
                ? trans.__('only what differs')
                : trans._n('and %1 that is the same everywhere', 'and %1 that are the same everywhere', alike)}
            </button>
          )}
        </th>
      </tr>
      {all.slice(0, SHOWN).map(row => (
        <tr key={row.name} className={row.differs ? 'aml-mod-differs' : undefined}>
          <th scope="row" title={row.name}>
            {shorten(row.name, 60)}
          </th>
          {row.values.map((one, index) => (
            <td
              key={runs[index]?.id}
              title={value(one)}
              className={typeof one === 'number' ? 'aml-mod-numeric' : undefined}
            >
              {shorten(value(one), 120)}
            </td>
          ))}
        </tr>
      ))}
      {all.length > SHOWN && (
        <tr>
          <td colSpan={runs.length + 1}>
            {trans.__('%1 more: look for a part of the name.', (all.length - SHOWN).toLocaleString())}
          </td>
        </tr>
      )}
    </tbody>
  );
}
