import * as React from 'react';

import { useLoaded } from '../../components/hooks';
import { Problem } from '../../components/problem';
import { bytes, moment } from '../../format';
import { Preview } from './preview';
import { ITabProps } from './tab';

/** Rows of the list that are drawn. */
const ROWS = 500;

/** All files of the run: the chosen one is shown beside the list. */
export function Files(props: ITabProps): JSX.Element {
  const { model, run, trans } = props;
  const { value: files, error } = useLoaded(() => model.client.files(run.id), [run.id, model.version]);
  const [chosen, setChosen] = React.useState<string | null>(null);
  const [text, setText] = React.useState('');
  if (error && !files) {
    return <Problem error={new Error(error)} trans={trans} />;
  }
  if (!files) {
    return <p className="aml-Message">{trans.__('Loading…')}</p>;
  }
  if (files.length === 0) {
    return <p className="aml-Message">{trans.__('This run has no files.')}</p>;
  }
  const fit = files.filter(file => file.path.toLowerCase().includes(text.toLowerCase()));
  const file = files.find(one => one.path === chosen);
  return (
    <>
      {files.length > 20 && (
        <input
          className="jp-mod-styled aml-Find"
          type="search"
          placeholder={trans.__('Find files')}
          aria-label={trans.__('Find files')}
          value={text}
          onChange={event => setText(event.target.value)}
        />
      )}
      <div className="aml-Files">
        <table className="aml-Table aml-mod-files">
          <thead>
            <tr>
              <th>{trans.__('File')}</th>
              <th>{trans.__('Size')}</th>
              <th>{trans.__('Written')}</th>
              <th />
            </tr>
          </thead>
          <tbody>
            {fit.slice(0, ROWS).map(one => (
              <tr key={one.path} aria-current={one.path === chosen}>
                <th scope="row">
                  <a
                    href={model.client.fileUrl(run.id, one.path)}
                    onClick={event => {
                      if (!event.ctrlKey && !event.metaKey) {
                        event.preventDefault();
                        setChosen(one.path === chosen ? null : one.path);
                      }
                    }}
                  >
                    {one.path}
                  </a>
                </th>
                <td className="aml-mod-short">{bytes(one.size)}</td>
                <td className="aml-mod-short">{moment(one.time)}</td>
                <td>
                  <a href={model.client.fileUrl(run.id, one.path, true)} download>
                    {trans.__('Download')}
                  </a>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {file && <Preview key={file.path} {...props} file={file} />}
      </div>
      {fit.length > ROWS && <p className="aml-Message">{trans.__('The first %1 are shown.', ROWS)}</p>}
    </>
  );
}
