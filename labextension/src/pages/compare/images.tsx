import * as React from 'react';

import { colour } from '../../components/palette';
import { useLoaded } from '../../components/hooks';
import { title } from '../../format';
import { IFile } from '../../wire';
import { IPart } from './parts';

/** Images of each run that are shown at once. */
const SHOWN = 10;

/** Images of the same name beside each other. */
export function ComparedImages(props: IPart): JSX.Element {
  const { model, openRun, trans } = props;
  const { runs } = model;
  const [shown, setShown] = React.useState(SHOWN);
  const { value: found, error } = useLoaded(async () => {
    const lists = await Promise.all(runs.map(run => model.client.files(run.id)));
    return lists.map(
      files => new Map(files.filter(file => file.media_type.startsWith('image/')).map(one => [one.path, one]))
    );
  }, [runs.map(run => run.id).join(), model.version]);
  if (error) {
    return <div className="aml-Message aml-mod-error">{error}</div>;
  }
  if (!found) {
    return <p className="aml-Message">{trans.__('Loading…')}</p>;
  }
  const paths = [...new Set(found.flatMap(files => [...files.keys()]))].sort((a, b) =>
    a.localeCompare(b, undefined, { numeric: true })
  );
  if (paths.length === 0) {
    return <p className="aml-Message">{trans.__('None of these runs has images.')}</p>;
  }
  const show = (file: IFile | undefined, run: string) =>
    file ? (
      <img
        loading="lazy"
        alt={`${file.path} · ${run}`}
        src={`${model.client.fileUrl(file.run, file.path)}?digest=${file.digest}`}
      />
    ) : (
      <span>{trans.__('none')}</span>
    );
  return (
    <>
      {paths.slice(0, shown).map(path => (
        <section key={path} className="aml-Beside">
          <h2>{path}</h2>
          <div>
            {runs.map((run, index) => (
              <figure key={run.id} className="aml-Figure">
                <figcaption>
                  <i className="aml-Swatch" style={{ background: colour(model.place(run)) }} />
                  <button className="aml-Link" onClick={() => openRun(run.id)}>
                    {title(run)}
                  </button>
                </figcaption>
                {show(found[index]?.get(path), title(run))}
              </figure>
            ))}
          </div>
        </section>
      ))}
      {paths.length > shown && (
        <button className="aml-Button" onClick={() => setShown(shown + SHOWN)}>
          {trans.__('Show more (%1)', paths.length - shown)}
        </button>
      )}
    </>
  );
}
