import * as React from 'react';

import { Facts, Note, TagMarks } from '../../components/facts';
import { moment, plainText, value } from '../../format';
import { ownTags } from '../../wire';
import { ITabProps } from './tab';

/** Metrics that are named here. */
const METRICS = 30;
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
    [trans.__('Ended by'), text(run.details.end)],
    [trans.__('By'), run.user],
    [trans.__('Reproduces'), run.tags.reproduces ? link(run.tags.reproduces, run.tags.reproduces) : ''],
    [trans.__('Repeats with other parameters'), run.tags.resubmits ? link(run.tags.resubmits, run.tags.resubmits) : ''],
    [trans.__('Snapshot'), run.snapshot ? <code key="snapshot">{run.snapshot.slice(0, 16)}</code> : '']
  ];
  const environment = (
    [
      [trans.__('Kernel'), text(run.details.kernel)],
      [trans.__('Language'), text(run.details.language)],
      [trans.__('Environment'), text(run.details.environment)],
      [trans.__('Compute'), text(run.details.target)],
      [trans.__('Working folder'), text(run.details.cwd)],
      [trans.__('Machine'), run.host]
    ] as [string, string][]
  ).filter(([, given]) => given !== '');
  const warnings = Array.isArray(run.details.warnings) ? run.details.warnings.map(String) : [];
  return (
    <div className="aml-Overview">
      {run.error && (
        <div className="aml-Error" role="alert">
          <b>{run.error.code}</b> {run.error.message}
          {run.error.traceback && <pre>{plainText(run.error.traceback)}</pre>}
        </div>
      )}
      <Facts rows={facts} />
      <Note text={run.description} onKeep={text => void model.describe(text)} trans={trans} />
      <h2>{trans.__('Metrics')}</h2>
      <Facts
        rows={Object.values(run.metrics)
          .filter(metric => metric.last !== null)
          .slice(0, METRICS)
          .map(metric => [metric.name, value(metric.last)])}
        empty={
          Object.keys(run.metrics).length > 0
            ? trans.__('No numbers; tables and images are under their tabs.')
            : trans.__('Nothing was logged.')
        }
      />
      {Object.keys(run.metrics).length > METRICS && (
        <p className="aml-Message">{trans.__('The rest is under Metrics.')}</p>
      )}
      <h2>{trans.__('Parameters')}</h2>
      <Facts
        rows={Object.entries(run.params).map(([key, given]) => [key, text(given)])}
        empty={trans.__('It took none.')}
      />
      {environment.length > 0 && (
        <>
          <h2>{trans.__('Environment')}</h2>
          <Facts rows={environment} />
          {warnings.length > 0 && (
            <ul className="aml-Warnings" aria-label={trans.__('Warnings about the environment')}>
              {warnings.map(warning => (
                <li key={warning}>{warning}</li>
              ))}
            </ul>
          )}
        </>
      )}
      <h2>{trans.__('Tags')}</h2>
      <TagMarks tags={ownTags(run.tags)} onChange={(set, drop) => void model.tag(set, drop)} trans={trans} />
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
