import * as React from 'react';

import { useLoaded } from '../../components/hooks';
import { gitFacts, plainText } from '../../format';
import { Below, Kept, useKeeper } from './parent';
import { ITabProps } from './tab';

/** Characters of a log that are kept on the page: its end. */
const KEPT = 400_000;

/** What was not committed when the run began. */
export function GitChanges(props: ITabProps): JSX.Element {
  const { model, run, trans } = props;
  const { keeper, error: lost } = useKeeper(props, gitFacts(run.properties).length > 0);
  const id = keeper?.id ?? null;
  const git = gitFacts(keeper?.properties ?? {});
  const { value: diff, error: unread } = useLoaded(
    () => (id ? model.client.diff(id) : Promise.resolve(null)),
    [id, git.length]
  );
  const error = lost ?? unread;
  return (
    <>
      {keeper && <Kept {...props} keeper={keeper} />}
      {git.length > 0 && (
        <table className="aml-Facts">
          <tbody>
            {git.map(([key, text]) => (
              <tr key={key}>
                <th scope="row">{key}</th>
                <td>{text}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {error && <div className="aml-Message aml-mod-error">{error}</div>}
      {diff && diff.diff === '' && (
        <p className="aml-Message">
          {git.length > 0 ? trans.__('No uncommitted changes were kept.') : trans.__('No git state was kept.')}
        </p>
      )}
      {diff && diff.diff !== '' && (
        <pre tabIndex={0} className="aml-Code aml-Diff">
          {diff.diff.split('\n').map((line, index) => (
            <span key={index} className={lineClass(line)}>
              {line + '\n'}
            </span>
          ))}
          {diff.truncated && trans.__('… and more')}
        </pre>
      )}
    </>
  );
}

function lineClass(line: string): string | undefined {
  if (line.startsWith('+') && !line.startsWith('+++')) {
    return 'aml-mod-added';
  }
  if (line.startsWith('-') && !line.startsWith('---')) {
    return 'aml-mod-removed';
  }
  return line.startsWith('@@') || line.startsWith('diff ') ? 'aml-mod-head' : undefined;
}

/** The run's texts as they grow; stays at the end while the reader is there. */
export function Log(props: ITabProps): JSX.Element {
  const { model, run, trans } = props;
  const { value: files, error } = useLoaded(() => model.client.files(run.id), [run.id, model.version]);
  const texts = (files ?? []).filter(file => file.digest === '' && !file.path.endsWith('git.diff'));
  const [chosen, setChosen] = React.useState<string | null>(null);
  const path = chosen ?? firstText(texts);
  const text = useGrowing(props, path);
  const box = React.useRef<HTMLPreElement>(null);
  const atEnd = React.useRef(true);
  React.useLayoutEffect(() => {
    if (box.current && atEnd.current) {
      box.current.scrollTop = box.current.scrollHeight;
    }
  }, [text]);
  if (error) {
    return <div className="aml-Message aml-mod-error">{error}</div>;
  }
  const below = files && (
    <Below
      {...props}
      cells={trans.__('What its cells printed is with the cells.')}
      none={trans.__('Nothing was printed.')}
      empty={texts.length === 0}
    />
  );
  if (texts.length === 0) {
    return <>{below}</>;
  }
  return (
    <div className="aml-Log">
      {below}
      <div className="aml-Controls" role="group">
        {texts.map(file => (
          <button
            key={file.path}
            className="jp-mod-styled"
            aria-pressed={file.path === path}
            onClick={() => setChosen(file.path)}
          >
            {file.path}
          </button>
        ))}
      </div>
      <pre
        className="aml-Code"
        ref={box}
        tabIndex={0}
        onScroll={event => {
          const node = event.currentTarget;
          atEnd.current = node.scrollHeight - node.scrollTop - node.clientHeight < 20;
        }}
      >
        {plainText(text)}
      </pre>
      {text.length >= KEPT && path !== null && (
        <p className="aml-Message">
          {trans.__('This is the end of a long text.')}{' '}
          <a href={model.client.fileUrl(run.id, path)} target="_blank" rel="noopener noreferrer">
            {trans.__('Open all of it')}
          </a>
        </p>
      )}
    </div>
  );
}

/** The text that is shown before one is chosen: what was printed, rather than the result. */
export function firstText(texts: readonly { path: string }[]): string | null {
  return (texts.find(file => file.path === 'stdout.txt') ?? texts[0])?.path ?? null;
}

/** A text that grows: only what is new is asked for. */
function useGrowing(props: ITabProps, path: string | null): string {
  const { model, run } = props;
  const [text, setText] = React.useState('');
  const read = React.useRef({ path: null as string | null, next: 0, busy: false });
  React.useEffect(() => {
    let current = true;
    if (read.current.path !== path) {
      read.current = { path, next: 0, busy: false };
      setText('');
    }
    const state = read.current;
    if (path === null || state.busy) {
      return;
    }
    state.busy = true;
    const go = async () => {
      for (;;) {
        const got = await model.client.text(run.id, path, state.next);
        if (read.current !== state) {
          return;
        }
        state.next = got.next;
        if (got.text === '') {
          return;
        }
        setText(before => (before + got.text).slice(-KEPT));
      }
    };
    go()
      .catch(error => current && setText(before => `${before}\n${(error as Error).message}`))
      .finally(() => {
        state.busy = false;
      });
    return () => {
      current = false;
    };
  }, [model.client, run.id, path, model.version]);
  return text;
}
