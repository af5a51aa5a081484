import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { plainText } from '../format';
import { ICell, ICellPair, cellDiff, cellsOf } from './cell-diff';
import { lineDiff } from './diff';

/** Characters of an output that are compared. */
const MOST = 20_000;
const MARKS = { same: ' ', added: '+', removed: '−', gap: '' };

/** What differs between two notebooks: cell by cell, in source and in what was shown. */
export function NotebookDiff(props: { before: unknown; after: unknown; trans: TranslationBundle }): JSX.Element {
  const { before, after, trans } = props;
  const [all, setAll] = React.useState(false);
  const pairs = React.useMemo(() => cellDiff(cellsOf(before), cellsOf(after)), [before, after]);
  const differing = pairs.filter(one => one.state !== 'same').length;
  return (
    <div className="aml-NotebookDiff" role="group" aria-label={trans.__('What differs')}>
      <p className="aml-Message">
        {differing === 0
          ? trans._n('Its %1 cell is the same in both.', 'All %1 cells are the same in both.', pairs.length)
          : trans.__('%1 of %2 cells differ.', differing, pairs.length)}{' '}
        {differing < pairs.length && (
          <button className="aml-Link" aria-pressed={all} onClick={() => setAll(!all)}>
            {all ? trans.__('Show those that differ') : trans.__('Show all')}
          </button>
        )}
      </p>
      {pairs.map((one, index) =>
        all || one.state !== 'same' ? <Pair key={index} pair={one} place={index + 1} trans={trans} /> : null
      )}
    </div>
  );
}

function Pair(props: { pair: ICellPair; place: number; trans: TranslationBundle }): JSX.Element {
  const { pair, place, trans } = props;
  const { before, after, state } = pair;
  const words = {
    same: trans.__('the same'),
    changed: trans.__('changed'),
    added: trans.__('new'),
    removed: trans.__('gone')
  };
  const output = (cell: ICell | null) => plainText(cell?.output ?? '').slice(0, MOST);
  const images = before?.images.join() !== after?.images.join();
  return (
    <section className={`aml-NotebookDiff-cell aml-mod-${state}`}>
      <h3>
        {trans.__('Cell %1', place)} <small className={`aml-mod-${state}`}>{words[state]}</small>
      </h3>
      <Lines before={before?.source ?? ''} after={after?.source ?? ''} />
      {output(before) !== output(after) && (
        <>
          <h4>{trans.__('What it showed')}</h4>
          <Lines before={output(before)} after={output(after)} />
        </>
      )}
      {images && (
        <div className="aml-NotebookDiff-images">
          {[before, after].map((cell, side) => (
            <div key={side}>
              {cell?.images.map((src, at) => (
                <img key={at} src={src} alt={side === 0 ? trans.__('Picture before') : trans.__('Picture after')} />
              ))}
            </div>
          ))}
        </div>
      )}
    </section>
  );
}

function Lines(props: { before: string; after: string }): JSX.Element {
  const lines = React.useMemo(() => lineDiff(props.before, props.after), [props.before, props.after]);
  return props.before === props.after ? (
    <pre className="aml-Code">{props.after}</pre>
  ) : (
    <pre className="aml-Code aml-Diff">
      {lines.map((line, index) => (
        <span key={index} className={line.kind === 'gap' ? 'aml-mod-head' : `aml-mod-${line.kind}`}>
          {MARKS[line.kind]} {line.text || ' '}
        </span>
      ))}
    </pre>
  );
}
