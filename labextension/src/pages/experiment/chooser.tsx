import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IField } from '../../wire';

/** Names that are listed at once; typing finds the others. */
const LISTED = 200;

/** Which columns are shown, and in what order. */
export function Chooser(props: {
  columns: readonly string[];
  basic: readonly string[];
  fields: readonly IField[];
  more: number;
  label: (column: string) => string;
  onChange: (columns: string[] | null) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { columns, trans } = props;
  const [wanted, setWanted] = React.useState('');
  const shown = new Set(columns);
  const all = React.useMemo(() => [...props.basic, ...props.fields.map(one => one.field)], [props.basic, props.fields]);
  const look = wanted.trim().toLowerCase();
  const found = React.useMemo(() => all.filter(one => one.toLowerCase().includes(look)), [all, look]);
  const typed = /^(metrics|params|tags|properties)\../.test(wanted.trim()) && !all.includes(wanted.trim());
  const offered = [...(typed ? [wanted.trim()] : []), ...found.filter(one => !shown.has(one))];
  const search = React.useRef<HTMLInputElement>(null);
  const toggle = (column: string, on: boolean) => {
    props.onChange(on ? [...columns, column] : columns.filter(one => one !== column));
    search.current?.focus(); // the box goes to the other list, and the focus would be lost with it
  };
  const move = (column: string, step: number) => {
    const next = [...columns];
    const at = next.indexOf(column);
    next.splice(at, 1);
    next.splice(Math.max(0, at + step), 0, column);
    props.onChange(next);
  };
  const check = (column: string, on: boolean) => (
    <label title={column}>
      <input
        type="checkbox"
        checked={on}
        disabled={on && columns.length === 1}
        onChange={event => toggle(column, event.target.checked)}
      />
      <span>{props.label(column)}</span>
    </label>
  );
  return (
    <div className="aml-Chooser">
      <input
        ref={search}
        className="jp-mod-styled"
        type="search"
        placeholder={trans.__('Find a parameter, metric or tag')}
        aria-label={trans.__('Find a parameter, metric or tag')}
        value={wanted}
        onChange={event => setWanted(event.target.value)}
      />
      <div className="aml-Chooser-lists">
        {!look && (
          <ul aria-label={trans.__('Columns that are shown')}>
            {columns.map((column, index) => (
              <li key={column}>
                {check(column, true)}
                <button
                  className="aml-Link"
                  aria-label={trans.__('Move %1 to the left', column)}
                  title={trans.__('To the left')}
                  disabled={index === 0}
                  onClick={() => move(column, -1)}
                >
                  ↑
                </button>
                <button
                  className="aml-Link"
                  aria-label={trans.__('Move %1 to the right', column)}
                  title={trans.__('To the right')}
                  disabled={index === columns.length - 1}
                  onClick={() => move(column, 1)}
                >
                  ↓
                </button>
              </li>
            ))}
          </ul>
        )}
        <ul aria-label={trans.__('Columns that are not shown')}>
          {look &&
            columns.filter(one => one.toLowerCase().includes(look)).map(one => <li key={one}>{check(one, true)}</li>)}
          {offered.slice(0, LISTED).map(one => (
            <li key={one}>{check(one, false)}</li>
          ))}
        </ul>
      </div>
      {offered.length > LISTED && (
        <p className="aml-Message">
          {trans.__('%1 more: type a part of the name.', (offered.length - LISTED + props.more).toLocaleString())}
        </p>
      )}
      <button className="aml-Button" onClick={() => props.onChange(null)}>
        {trans.__('Columns that suit the experiment')}
      </button>
    </div>
  );
}
