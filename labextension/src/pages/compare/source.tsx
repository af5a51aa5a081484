import * as React from 'react';

import { useLoaded } from '../../components/hooks';
import { title } from '../../format';
import { asItRan } from '../../notebook/api';
import { lineDiff } from '../../notebook/diff';
import { NotebookDiff } from '../../notebook/notebook-diff';
import { IRun } from '../../wire';
import { IPart } from './parts';

/** Unchanged lines that are kept around a change. */
const AROUND = 3;
/** What a cell executed, beside the files of its snapshot. */
const CELL = '';
/** The notebook as it ran: its cells and what they showed. No file's path has this character. */
const NOTEBOOK = '\0';
const OF_NOTEBOOK = new Set(['aml.session', 'aml.notebook']);

interface IFileOfTwo {
  path: string;
  state: 'changed' | 'added' | 'removed' | 'same';
}

/** The source of two of the runs, and what differs in it. */
export function ComparedSource(props: IPart): JSX.Element {
  const { model, trans } = props;
  const { runs } = model;
  const [left, setLeft] = React.useState('');
  const [right, setRight] = React.useState('');
  const [path, setPath] = React.useState<string | null>(null);
  const ids = runs.map(run => run.id);
  const { value: sources, error } = useLoaded(
    () => (ids.length > 0 ? model.client.sources(ids) : Promise.resolve(null)),
    [ids.join()]
  );
  const a = runs.find(run => run.id === left) ?? runs[0];
  const b = runs.find(run => run.id === right) ?? runs.find(run => run !== a) ?? a;
  const files = React.useMemo((): IFileOfTwo[] => {
    if (!a || !b) {
      return [];
    }
    const cells: IFileOfTwo[] =
      sourceOf(a) === null && sourceOf(b) === null
        ? []
        : [{ path: CELL, state: sourceOf(a) === sourceOf(b) ? 'same' : 'changed' }];
    const kept = (sources?.files ?? []).flatMap((file): IFileOfTwo[] => {
      const [before, after] = [file.digests[a.id], file.digests[b.id]];
      if (before === undefined && after === undefined) {
        return [];
      }
      const state =
        before === after ? 'same' : before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
      return [{ path: file.path, state }];
    });
    const notebook: IFileOfTwo[] =
      a !== b && OF_NOTEBOOK.has(a.type) && OF_NOTEBOOK.has(b.type) ? [{ path: NOTEBOOK, state: 'changed' }] : [];
    return [...notebook, ...cells, ...kept.sort((x, y) => Number(x.state === 'same') - Number(y.state === 'same'))];
  }, [sources, a, b]);
  const shown = files.find(file => file.path === path) ?? files[0];
  const choice = (label: string, value: IRun | undefined, onChange: (id: string) => void) => (
    <label>
      {label}{' '}
      <select value={value?.id} onChange={event => onChange(event.target.value)}>
        {runs.map(run => (
          <option key={run.id} value={run.id}>
            {title(run)}
          </option>
        ))}
      </select>
    </label>
  );
  const words = {
    changed: trans.__('changed'),
    added: trans.__('new'),
    removed: trans.__('gone'),
    same: trans.__('the same')
  };
  return (
    <>
      <div className="aml-Controls">
        {choice(trans.__('From'), a, setLeft)}
        {choice(trans.__('to'), b, setRight)}
      </div>
      {error && <div className="aml-Message aml-mod-error">{error}</div>}
      {!sources && !error && <p className="aml-Message">{trans.__('Loading…')}</p>}
      {sources && files.length === 0 && (
        <p className="aml-Message">{trans.__('No source was kept with these two runs.')}</p>
      )}
      {shown && a && b && (
        <div className="aml-Source">
          <ul>
            {files.map(file => (
              <li key={file.path}>
                <button className="aml-Link" aria-current={file === shown} onClick={() => setPath(file.path)}>
                  {file.path === CELL
                    ? trans.__('the cell')
                    : file.path === NOTEBOOK
                      ? trans.__('the notebook as it ran')
                      : file.path}
                </button>{' '}
                {file.path !== NOTEBOOK && <small className={`aml-mod-${file.state}`}>{words[file.state]}</small>}
              </li>
            ))}
          </ul>
          {shown.path === NOTEBOOK ? (
            <RanDiff {...props} a={a} b={b} />
          ) : (
            <FileDiff {...props} file={shown} a={a} b={b} keepers={sources?.keepers ?? {}} />
          )}
        </div>
      )}
    </>
  );
}

function sourceOf(run: IRun): string | null {
  return typeof run.details.source === 'string' ? run.details.source : null;
}

/** Two notebooks as they ran. */
function RanDiff(props: IPart & { a: IRun; b: IRun }): JSX.Element {
  const { model, a, b, trans } = props;
  const { value, error } = useLoaded(
    () => Promise.all([asItRan(model.client, a.id), asItRan(model.client, b.id)]),
    [a.id, b.id, a.status, b.status]
  );
  if (error) {
    return <div className="aml-Message aml-mod-error">{error}</div>;
  }
  return value ? (
    <NotebookDiff before={value[0].content} after={value[1].content} trans={trans} />
  ) : (
    <p className="aml-Message">{trans.__('Loading…')}</p>
  );
}

/** A notebook document; null where a text is none. */
function notebookOf(text: string): object | null {
  try {
    const found = JSON.parse(text) as { cells?: unknown };
    return Array.isArray(found.cells) ? found : null;
  } catch {
    return null;
  }
}

function FileDiff(
  props: IPart & { file: IFileOfTwo; a: IRun; b: IRun; keepers: Record<string, string | null> }
): JSX.Element {
  const { model, file, a, b, keepers, trans } = props;
  const textOf = async (run: IRun, absent: boolean): Promise<string> => {
    const keeper = keepers[run.id];
    if (file.path === CELL) {
      return sourceOf(run) ?? '';
    }
    if (absent || !keeper) {
      return '';
    }
    return model.client.sourceText(keeper, file.path);
  };
  const { value: texts, error } = useLoaded(
    () => Promise.all([textOf(a, file.state === 'added'), textOf(b, file.state === 'removed')]),
    [a.id, b.id, file.path, file.state]
  );
  const notebooks = React.useMemo(
    () => (texts && file.path.endsWith('.ipynb') ? texts.map(text => notebookOf(text || '{"cells": []}')) : null),
    [texts, file.path]
  );
  const documents = notebooks?.every(one => one !== null) ? notebooks : null;
  const lines = React.useMemo(() => (texts && !documents ? diffOf(texts[0], texts[1]) : []), [texts, documents]);
  if (error) {
    return <div className="aml-Message aml-mod-error">{error}</div>;
  }
  if (!texts) {
    return <p className="aml-Message">{trans.__('Loading…')}</p>;
  }
  if (documents) {
    return <NotebookDiff before={documents[0]} after={documents[1]} trans={trans} />;
  }
  if (texts[0] === texts[1]) {
    return (
      <pre tabIndex={0} className="aml-Code">
        {texts[0]}
      </pre>
    );
  }
  const marks = { same: ' ', added: '+', removed: '−', gap: '' };
  return (
    <pre tabIndex={0} className="aml-Code aml-Diff" aria-label={trans.__('What differs')}>
      {lines.map((line, index) => (
        <span key={index} className={line.kind === 'gap' ? 'aml-mod-head' : `aml-mod-${line.kind}`}>
          {marks[line.kind]}
          {line.kind === 'gap' ? '' : ' '}
          {line.text || ' '}
        </span>
      ))}
    </pre>
  );
}

/** The lines that differ; what both begin and end with is left out, so that large texts with few changes are quick. */
export function diffOf(before: string, after: string): ReturnType<typeof lineDiff> {
  const a = before.split('\n');
  const b = after.split('\n');
  let first = 0;
  while (first < Math.min(a.length, b.length) && a[first] === b[first]) {
    first++;
  }
  let last = 0;
  while (last < Math.min(a.length, b.length) - first && a[a.length - 1 - last] === b[b.length - 1 - last]) {
    last++;
  }
  const from = Math.max(0, first - AROUND);
  const until = Math.max(0, last - AROUND);
  const part = (lines: string[]) => lines.slice(from, lines.length - until).join('\n');
  const gap = { kind: 'gap' as const, text: '…' };
  return [...(from > 0 ? [gap] : []), ...lineDiff(part(a), part(b), AROUND), ...(until > 0 ? [gap] : [])];
}
