import * as React from 'react';

/** More names than these are found by typing. */
const LISTED = 200;

/** One of many names: a list to choose from; where there are very many, typing narrows it. */
export function Choose(props: {
  label: string;
  names: readonly string[];
  value: string;
  /** What the empty name is called; without it there is none. */
  none?: string;
  show?: (name: string) => string;
  onChange: (name: string) => void;
}): JSX.Element {
  const { names, value, show = name => name } = props;
  const list = React.useId();
  if (names.length > LISTED) {
    return (
      <label className="aml-Choose">
        {props.label}{' '}
        <input
          className="jp-mod-styled"
          list={list}
          defaultValue={value}
          onChange={event => {
            if (names.includes(event.target.value) || (event.target.value === '' && props.none !== undefined)) {
              props.onChange(event.target.value);
            }
          }}
        />
        <datalist id={list}>
          {names.slice(0, LISTED).map(name => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </label>
    );
  }
  const known = names.includes(value) || value === '' ? names : [value, ...names];
  return (
    <label className="aml-Choose">
      {props.label}{' '}
      <select value={value} onChange={event => props.onChange(event.target.value)}>
        {props.none !== undefined && <option value="">{props.none}</option>}
        {known.map(name => (
          <option key={name} value={name}>
            {show(name)}
          </option>
        ))}
      </select>
    </label>
  );
}
