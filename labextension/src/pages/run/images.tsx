import * as React from 'react';

import { useLoaded } from '../../components/hooks';
import { Problem } from '../../components/problem';
import { IFile } from '../../wire';
import { imageGroups } from './gallery';
import { Below } from './parent';
import { ITabProps } from './tab';

/** Figures and images: what was logged under one name stands in one frame, with a slider for its steps. */
export function Images(props: ITabProps): JSX.Element {
  const { model, run, trans } = props;
  const { value: files, error } = useLoaded(() => model.client.files(run.id), [run.id, model.version]);
  const groups = React.useMemo(
    () =>
      imageGroups(
        files ?? [],
        Object.values(run.metrics)
          .filter(one => one.kind === 'image')
          .map(one => one.name)
      ),
    [files, run.metrics]
  );
  if (error && !files) {
    return <Problem error={new Error(error)} trans={trans} />;
  }
  if (!files) {
    return <p className="aml-Message">{trans.__('Loading…')}</p>;
  }
  return (
    <>
      <Below
        {...props}
        cells={trans.__('The figures that its cells showed are with the cells.')}
        none={trans.__('No figure was shown and no image logged.')}
        empty={groups.length === 0}
      />
      <div className="aml-Images">
        {groups.map(group => (
          <Group key={group.name} {...props} name={group.name} files={group.files} />
        ))}
      </div>
    </>
  );
}

function Group(props: ITabProps & { name: string; files: IFile[] }): JSX.Element {
  const { model, run, name, files, trans } = props;
  /** null: the newest, also when one more comes. */
  const [chosen, setChosen] = React.useState<number | null>(null);
  const last = files.length - 1;
  const step = Math.min(chosen ?? last, last);
  const file = files[step];
  const url = `${model.client.fileUrl(run.id, file.path)}?digest=${file.digest}`;
  return (
    <figure className="aml-Figure">
      <figcaption>
        <b>{name}</b>
        {last > 0 && <span>{trans.__('%1 of %2', step + 1, files.length)}</span>}
      </figcaption>
      <a href={url} target="_blank" rel="noopener noreferrer">
        <img src={url} alt={last > 0 ? trans.__('%1, step %2', name, step + 1) : name} loading="lazy" />
      </a>
      {last > 0 && (
        <input
          type="range"
          className="aml-Images-step"
          min={0}
          max={last}
          value={step}
          aria-label={trans.__('Step of %1', name)}
          onChange={event => {
            const now = Number(event.target.value);
            setChosen(now === last ? null : now);
          }}
        />
      )}
    </figure>
  );
}
