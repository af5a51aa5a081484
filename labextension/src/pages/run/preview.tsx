import { useLoaded } from '../../components/hooks';
import { bytes, plainText } from '../../format';
import { IFile } from '../../wire';
import { NotebookView } from '../../notebook/notebook-view';
import { parseTable } from './csv';
import { isImage } from './gallery';
import { ITabProps } from './tab';

/** Bytes that are fetched to be shown. */
const MOST = 5_000_000;
/** Characters and rows that are drawn. */
const CHARACTERS = 300_000;
const ROWS = 200;

/** A file as a person reads it. */
export function Preview(props: ITabProps & { file: IFile }): JSX.Element {
  const { model, run, file, actions, trans } = props;
  const url = `${model.client.fileUrl(run.id, file.path)}?digest=${file.digest}`;
  const suffix = file.path.split('.').pop()?.toLowerCase() ?? '';
  const asText = !isImage(file.path) && suffix !== 'html' && suffix !== 'pdf' && file.size <= MOST;
  const { value: text, error } = useLoaded(
    () => (asText ? read(url) : Promise.resolve(null)),
    [url, asText, file.size]
  );
  return (
    <section className="aml-Preview" aria-label={trans.__('Preview of %1', file.path)}>
      {isImage(file.path) ? (
        <img src={url} alt={file.path} />
      ) : suffix === 'html' ? (
        <iframe sandbox="" src={url} title={file.path} />
      ) : !asText ? (
        <p className="aml-Message">
          {trans.__('%1 is too large to be shown here (%2), or no text. Download it.', file.path, bytes(file.size))}
        </p>
      ) : error ? (
        <p className="aml-Message aml-mod-error">{error}</p>
      ) : text === null ? (
        <p className="aml-Message">{trans.__('Loading…')}</p>
      ) : text.slice(0, 8192).includes('\0') ? (
        <p className="aml-Message">{trans.__('This file is no text. Download it.')}</p>
      ) : suffix === 'csv' || suffix === 'tsv' ? (
        <TextTable rows={parseTable(text, suffix === 'tsv' ? '\t' : ',', ROWS + 1)} />
      ) : suffix === 'ipynb' && notebookOf(text) ? (
        <NotebookView content={notebookOf(text)} rendermime={actions.rendermime} trans={trans} />
      ) : (
        <pre className="aml-Code" tabIndex={0}>
          {readable(text, suffix).slice(0, CHARACTERS)}
        </pre>
      )}
    </section>
  );
}

async function read(url: string): Promise<string> {
  const answer = await fetch(url, { credentials: 'same-origin' });
  if (!answer.ok) {
    throw new Error(`${answer.status} ${answer.statusText}`);
  }
  return answer.text();
}

function notebookOf(text: string): object | null {
  try {
    return JSON.parse(text) as object;
  } catch {
    return null;
  }
}

function readable(text: string, suffix: string): string {
  if (suffix === 'json') {
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  }
  return plainText(text);
}

function TextTable(props: { rows: string[][] }): JSX.Element {
  const [head = [], ...rows] = props.rows;
  return (
    <div className="aml-Preview-table" tabIndex={0}>
      <table className="aml-Table">
        <thead>
          <tr>
            {head.map((name, index) => (
              <th key={index}>{name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, ROWS).map((row, index) => (
            <tr key={index}>
              {row.map((text, column) => (
                <td key={column}>{text}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
