import * as React from 'react';

import { useLoaded } from '../../components/hooks';
import { bytes, notebookText } from '../../format';
import { ITabProps } from './tab';

/** The code as it was when it ran: a cell's text, or the snapshot's files. */
export function Source(props: ITabProps): JSX.Element {
  const { model, run, trans } = props;
  const own = typeof run.details.source === 'string' ? run.details.source : null;
  const [path, setPath] = React.useState<string | null>(null);
  const { value: files, error } = useLoaded(
    () => (run.snapshot ? model.client.source(run.id) : Promise.resolve([])),
    [run.id, run.snapshot]
  );
  const shown = path ?? (own === null ? files?.[0]?.path : null) ?? null;
  const { value: text, error: unreadable } = useLoaded(
    () => (shown ? model.client.sourceText(run.id, shown) : Promise.resolve(null)),
    [run.id, shown]
  );
  if (own === null && files && files.length === 0) {
    return <p className="aml-Message">{trans.__('No source was kept with this run.')}</p>;
  }
  return (
    <>
      {own !== null && <pre className="aml-Code">{own}</pre>}
      {error && <div className="aml-Message aml-mod-error">{error}</div>}
      {files && files.length > 0 && (
        <div className="aml-Source">
          <ul>
            {files.map(file => (
              <li key={file.path}>
                <button className="aml-Link" aria-current={file.path === shown} onClick={() => setPath(file.path)}>
                  {file.path}
                </button>{' '}
                <small>{bytes(file.size)}</small>
              </li>
            ))}
          </ul>
          {unreadable ? (
            <div className="aml-Message aml-mod-error">{unreadable}</div>
          ) : (
            text !== null && <pre className="aml-Code">{shown?.endsWith('.ipynb') ? notebookText(text) : text}</pre>
          )}
        </div>
      )}
    </>
  );
}
