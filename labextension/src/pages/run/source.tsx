import * as React from 'react';

import { useLoaded } from '../../components/hooks';
import { bytes, notebookText } from '../../format';
import { Kept, useKeeper } from './parent';
import { ITabProps } from './tab';

/** The code as it was when it ran: a cell's text, or the snapshot's files. */
export function Source(props: ITabProps): JSX.Element {
  const { model, run, trans } = props;
  const own = typeof run.details.source === 'string' ? run.details.source : null;
  const [path, setPath] = React.useState<string | null>(null);
  const { keeper, error: lost } = useKeeper(props, run.snapshot !== null);
  const id = keeper?.snapshot ? keeper.id : null;
  const { value: files, error: unlisted } = useLoaded(
    () => (id ? model.client.source(id) : Promise.resolve([])),
    [id, keeper?.snapshot]
  );
  const error = lost ?? unlisted;
  const said = typeof keeper?.details.snapshot === 'string' ? keeper.details.snapshot : null;
  const shown = path ?? (own === null ? files?.[0]?.path : null) ?? null;
  const { value: text, error: unreadable } = useLoaded(
    () => (shown && id ? model.client.sourceText(id, shown) : Promise.resolve(null)),
    [id, shown]
  );
  if (own === null && said === null && files && files.length === 0) {
    return <p className="aml-Message">{trans.__('No source was kept with this run.')}</p>;
  }
  return (
    <>
      {own !== null && (
        <pre tabIndex={0} className="aml-Code">
          {own}
        </pre>
      )}
      {error && <div className="aml-Message aml-mod-error">{error}</div>}
      {keeper && id && <Kept {...props} keeper={keeper} />}
      {said !== null && <p className="aml-Message">{said}</p>}
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
            text !== null && (
              <pre tabIndex={0} className="aml-Code">
                {shown?.endsWith('.ipynb') ? notebookText(text) : text}
              </pre>
            )
          )}
        </div>
      )}
    </>
  );
}
