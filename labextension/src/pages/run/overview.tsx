import * as React from 'react';

import { moment, plainText, value } from '../../format';
import { ITabProps } from './tab';

const KINDS: Record<string, string> = {
  'aml.interactive': 'Interactive run',
  'aml.session': 'Notebook session',
  'aml.notebook': 'Notebook execution',
  'aml.cell': 'Cell',
  'aml.sweep': 'Sweep'
};

/** Who, when, with what, and how it ended. */
export function Overview(props: ITabProps): JSX.Element {
  const { run, model, actions, trans } = props;
  const link = (id: string, text: string) => (
    <a
      href="#"
      onClick={event => {
        event.preventDefault();
        actions.openRun({ id });
      }}
    >
      {text}
    </a>
  );
  const facts: [string, React.ReactNode][] = [
    [trans.__('Name'), <Name key="name" {...props} />],
    [trans.__('Experiment'), run.experiment],
    [trans.__('Kind'), trans.__(KINDS[run.type] ?? run.type)],
    [trans.__('Run id'), <code key="id">{run.id}</code>],
    [trans.__('Part of'), run.parent ? link(run.parent, run.parent) : ''],
    [trans.__('Started'), moment(run.started)],
    [trans.__('Ended'), moment(run.ended)],
    [trans.__('Notebook'), text(run.details.notebook)],
    [trans.__('Kernel'), [run.details.kernel, run.details.language].map(text).filter(Boolean).join(' · ')],
    [trans.__('Ended by'), text(run.details.end)],
    [trans.__('By'), [run.user, run.host].filter(Boolean).join(' @ ')],
    [trans.__('Snapshot'), run.snapshot ? <code key="snapshot">{run.snapshot.slice(0, 16)}</code> : '']
  ];
  return (
    <div className="aml-Overview">
      {run.error && (
        <div className="aml-Error" role="alert">
          <b>{run.error.code}</b> {run.error.message}
          {run.error.traceback && <pre>{plainText(run.error.traceback)}</pre>}
        </div>
      )}
      <Facts rows={facts} />
      <h2>{trans.__('Metrics')}</h2>
      <Facts
        rows={Object.values(run.metrics)
          .filter(metric => metric.last !== null)
          .map(metric => [metric.name, value(metric.last)])}
        empty={
          Object.keys(run.metrics).length > 0
            ? trans.__('No numbers; tables and images are under their tabs.')
            : trans.__('Nothing was logged.')
        }
      />
      <h2>{trans.__('Parameters')}</h2>
      <Facts
        rows={Object.entries(run.params).map(([key, given]) => [key, text(given)])}
        empty={trans.__('It took none.')}
      />
      <h2>{trans.__('Tags')}</h2>
      <Tags model={model} run={run} actions={actions} trans={trans} />
      {Object.keys(run.properties).length > 0 && (
        <>
          <h2>{trans.__('Properties')}</h2>
          <Facts rows={Object.entries(run.properties)} />
        </>
      )}
    </div>
  );
}

function text(given: unknown): string {
  return given === null || given === undefined ? '' : typeof given === 'string' ? given : JSON.stringify(given);
}

function Facts(props: { rows: [string, React.ReactNode][]; empty?: string }): JSX.Element {
  const rows = props.rows.filter(([, given]) => given !== '');
  if (rows.length === 0) {
    return <p className="aml-Message">{props.empty}</p>;
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

function Name(props: ITabProps): JSX.Element {
  const { run, model, trans } = props;
  const [draft, setDraft] = React.useState<string | null>(null);
  if (draft === null) {
    return (
      <>
        {run.name}{' '}
        <button className="aml-Link" onClick={() => setDraft(run.name)}>
          {trans.__('Rename')}
        </button>
      </>
    );
  }
  return (
    <form
      onSubmit={event => {
        event.preventDefault();
        setDraft(null);
        void model.rename(draft);
      }}
    >
      <input
        className="jp-mod-styled"
        autoFocus
        aria-label={trans.__('Name')}
        value={draft}
        onChange={event => setDraft(event.target.value)}
        onKeyDown={event => event.key === 'Escape' && setDraft(null)}
      />
    </form>
  );
}

function Tags(props: ITabProps): JSX.Element {
  const { run, model, trans } = props;
  const [draft, setDraft] = React.useState('');
  return (
    <div className="aml-Tags">
      {Object.entries(run.tags).map(([key, given]) => (
        <span key={key} className="aml-Tag">
          {given === null || given === '' ? key : `${key}: ${given}`}
          <button
            title={trans.__('Remove this tag')}
            aria-label={trans.__('Remove tag %1', key)}
            onClick={() => void model.dropTag(key)}
          >
            ×
          </button>
        </span>
      ))}
      <form
        onSubmit={event => {
          event.preventDefault();
          const [key, ...rest] = draft.split('=');
          if (key.trim()) {
            void model.setTag(key.trim(), rest.join('=').trim());
            setDraft('');
          }
        }}
      >
        <input
          className="jp-mod-styled"
          placeholder={trans.__('tag or tag=value')}
          aria-label={trans.__('Add a tag')}
          value={draft}
          onChange={event => setDraft(event.target.value)}
        />
      </form>
    </div>
  );
}
