import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

/** Names and values in two columns; those without a value are left out. */
export function Facts(props: { rows: readonly [string, React.ReactNode][]; empty?: string }): JSX.Element | null {
  const rows = props.rows.filter(
    ([, given]) => given !== '' && given !== null && given !== undefined && given !== false
  );
  if (rows.length === 0) {
    return props.empty ? <p className="aml-Message">{props.empty}</p> : null;
  }
  return (
    <table className="aml-Facts">
      <tbody>
        {rows.map(([key, given]) => (
          <tr key={key}>
            <th scope="row">{key}</th>
            <td>{given}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A text that is edited in place; without `onKeep` it can only be read. */
export function Note(props: {
  text: string;
  onKeep?: (text: string) => void;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { text, onKeep, trans } = props;
  const [draft, setDraft] = React.useState<string | null>(null);
  if (draft === null) {
    return text || onKeep ? (
      <p className="aml-Note">
        {text}{' '}
        {onKeep && (
          <button className="aml-Link" onClick={() => setDraft(text)}>
            {text ? trans.__('Edit') : trans.__('Add a description')}
          </button>
        )}
      </p>
    ) : null;
  }
  return (
    <form
      className="aml-Note"
      onSubmit={event => {
        event.preventDefault();
        setDraft(null);
        onKeep?.(draft);
      }}
    >
      <textarea
        className="jp-mod-styled"
        autoFocus
        rows={3}
        aria-label={trans.__('Description')}
        value={draft}
        onChange={event => setDraft(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Escape') {
            setDraft(null);
          } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
            event.currentTarget.form?.requestSubmit();
          }
        }}
      />
      <button className="jp-mod-styled">{trans.__('Keep')}</button>
    </form>
  );
}

/** Short texts as a row of marks: some may be added and removed. */
export function Marks(props: {
  marks: readonly { key: string; text: string }[];
  /** What the field says in which one is added; without it none can be. */
  add?: string;
  onAdd?: (text: string) => void;
  onRemove?: (key: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { marks, add, onAdd, onRemove, trans } = props;
  const [draft, setDraft] = React.useState('');
  return (
    <div className="aml-Tags">
      {marks.map(mark => (
        <span key={mark.key} className={`aml-Tag${onRemove ? '' : ' aml-mod-fixed'}`}>
          {mark.text}
          {onRemove && (
            <button
              title={trans.__('Remove')}
              aria-label={trans.__('Remove %1', mark.key)}
              onClick={() => onRemove(mark.key)}
            >
              ×
            </button>
          )}
        </span>
      ))}
      {onAdd && (
        <form
          onSubmit={event => {
            event.preventDefault();
            if (draft.trim()) {
              onAdd(draft.trim());
              setDraft('');
            }
          }}
        >
          <input
            className="jp-mod-styled"
            placeholder={add}
            aria-label={add}
            value={draft}
            onChange={event => setDraft(event.target.value)}
          />
        </form>
      )}
    </div>
  );
}

/** Tags, edited in place: `key` or `key=value`. */
export function TagMarks(props: {
  tags: Record<string, string | null>;
  onChange?: (set: Record<string, string>, drop: string[]) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { tags, onChange, trans } = props;
  return (
    <Marks
      marks={Object.entries(tags).map(([key, text]) => ({ key, text: text ? `${key}: ${text}` : key }))}
      add={trans.__('tag or tag=value')}
      onAdd={
        onChange &&
        (text => {
          const [key, ...rest] = text.split('=');
          if (key.trim()) {
            onChange({ [key.trim()]: rest.join('=').trim() }, []);
          }
        })
      }
      onRemove={onChange && (key => onChange({}, [key]))}
      trans={trans}
    />
  );
}
