import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IField } from '../../wire';
import { IOption, complete } from './complete';

/** A filter in the language of docs/filters.md, completed as it is written. */
export function FilterBox(props: {
  text: string;
  fields: readonly IField[];
  /** Whether the server could not read it. */
  wrong: boolean;
  onChange: (text: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { fields, trans } = props;
  const id = React.useId();
  const input = React.useRef<HTMLInputElement>(null);
  const [text, setText] = React.useState(props.text);
  const [caret, setCaret] = React.useState<number | null>(null);
  const [current, setCurrent] = React.useState(-1);
  React.useEffect(() => setText(props.text), [props.text]);
  const found = React.useMemo(
    () => (caret === null ? { from: 0, options: [] as IOption[] } : complete(text, caret, fields)),
    [text, caret, fields]
  );
  const open = found.options.length > 0;
  const write = (next: string, at: number | null) => {
    setText(next);
    setCaret(at);
    setCurrent(-1);
    props.onChange(next);
  };
  const take = (option: IOption) => {
    const before = text.slice(0, found.from);
    const after = text.slice(caret ?? text.length).replace(/^\s+/, '');
    const at = before.length + option.text.length + 1;
    write(`${before}${option.text} ${after}`, at);
    // The caret goes behind what was put in once it is there.
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(at, at);
    });
  };
  const onKeyDown = (event: React.KeyboardEvent<HTMLInputElement>) => {
    const count = found.options.length;
    if (event.key === 'ArrowDown' && count > 0) {
      setCurrent((current + 1) % count);
    } else if (event.key === 'ArrowUp' && count > 0) {
      setCurrent(current <= 0 ? count - 1 : current - 1);
    } else if ((event.key === 'Enter' || event.key === 'Tab') && open && current >= 0) {
      take(found.options[current]);
    } else if (event.key === 'Enter' || (event.key === 'Escape' && open)) {
      setCaret(null);
      setCurrent(-1);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className="aml-Filter">
      <input
        ref={input}
        className={`jp-mod-styled${props.wrong ? ' aml-mod-wrong' : ''}`}
        type="text"
        spellCheck={false}
        autoComplete="off"
        role="combobox"
        aria-label={trans.__('Filter')}
        aria-autocomplete="list"
        aria-expanded={open}
        aria-controls={`${id}-list`}
        aria-invalid={props.wrong}
        aria-activedescendant={open && current >= 0 ? `${id}-${current}` : undefined}
        placeholder={trans.__('Filter, as in: metrics.loss < 0.5 and params.lr = 0.01')}
        value={text}
        onChange={event => write(event.target.value, event.target.selectionStart)}
        onClick={event => setCaret(event.currentTarget.selectionStart)}
        onBlur={() => setCaret(null)}
        onKeyDown={onKeyDown}
      />
      <ul id={`${id}-list`} role="listbox" aria-label={trans.__('What can come next')} hidden={!open}>
        {found.options.map((option, index) => (
          <li
            key={option.text}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === current}
            onPointerDown={event => {
              event.preventDefault();
              take(option);
            }}
          >
            {option.text}
          </li>
        ))}
      </ul>
    </div>
  );
}
