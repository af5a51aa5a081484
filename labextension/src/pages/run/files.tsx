import { useLoaded } from '../../components/hooks';
import { bytes, moment } from '../../format';
import { IFile } from '../../wire';
import { Below } from './parent';
import { ITabProps } from './tab';

const IMAGE = /\.(png|jpe?g|gif|webp|svg)$/i;

function useFiles(props: ITabProps): { files: IFile[] | null; error: string | null } {
  const { model, run } = props;
  const { value, error } = useLoaded(() => model.client.files(run.id), [run.id, model.version]);
  return { files: value, error };
}

/** Figures and images, the newest last, as they were logged. */
export function Images(props: ITabProps): JSX.Element {
  const { model, run, trans } = props;
  const { files, error } = useFiles(props);
  const images = (files ?? []).filter(file => IMAGE.test(file.path));
  if (error) {
    return <div className="aml-Message aml-mod-error">{error}</div>;
  }
  return (
    <>
      {files && (
        <Below
          {...props}
          cells={trans.__('The figures that its cells showed are with the cells.')}
          none={trans.__('No figure was shown and no image logged.')}
          empty={images.length === 0}
        />
      )}
      <div className="aml-Images">
        {images.map(file => (
          <figure key={file.path} className="aml-Figure">
            <figcaption>
              <b>{file.path}</b>
            </figcaption>
            <a href={model.client.fileUrl(run.id, file.path)} target="_blank" rel="noopener noreferrer">
              <img src={`${model.client.fileUrl(run.id, file.path)}?digest=${file.digest}`} alt={file.path} />
            </a>
          </figure>
        ))}
      </div>
    </>
  );
}

/** All files of the run; a click shows one, or downloads what can't be shown. */
export function Files(props: ITabProps): JSX.Element {
  const { model, run, trans } = props;
  const { files, error } = useFiles(props);
  if (error) {
    return <div className="aml-Message aml-mod-error">{error}</div>;
  }
  if (files && files.length === 0) {
    return <p className="aml-Message">{trans.__('This run has no files.')}</p>;
  }
  return (
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
        {(files ?? []).map(file => (
          <tr key={file.path}>
            <th scope="row">
              <a href={model.client.fileUrl(run.id, file.path)} target="_blank" rel="noopener noreferrer">
                {file.path}
              </a>
            </th>
            <td>{bytes(file.size)}</td>
            <td>{moment(file.time)}</td>
            <td>
              <a href={model.client.fileUrl(run.id, file.path, true)} download>
                {trans.__('Download')}
              </a>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
