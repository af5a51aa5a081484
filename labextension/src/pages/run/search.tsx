import * as React from 'react';

import { useLoaded, useSlow } from '../../components/hooks';
import { ComparedScatter, Parallel } from '../compare/plots';
import { ITabProps } from './tab';

/** Tries that are drawn. */
const MOST = 500;
/** Milliseconds between two looks at them, while something changes. */
const PAUSE = 1500;

/** The tries of a search: what was tried against what came of it, as it goes on. */
export function Search(props: ITabProps): JSX.Element {
  const { run, model, actions, trans } = props;
  const version = useSlow(model.version, PAUSE);
  const { value: page, error } = useLoaded(
    () => model.client.runs({ parent: run.id, order: 'created', limit: MOST }),
    [run.id, version]
  );
  const plotted = React.useMemo(() => {
    const runs = page?.runs ?? [];
    const places = new Map(runs.map((one, at) => [one.id, at]));
    return { runs, place: ({ id }: { id: string }) => places.get(id) ?? 0 };
  }, [page]);
  if (error && !page) {
    return (
      <div className="aml-Message aml-mod-error" role="alert">
        {error}
      </div>
    );
  }
  if (!page) {
    return <div className="aml-Message">{trans.__('Loading…')}</div>;
  }
  if (page.runs.length === 0) {
    return <p className="aml-Message">{trans.__('Nothing was tried yet.')}</p>;
  }
  const plot = { model: plotted, openRun: (id: string) => actions.openRun({ id }), trans };
  return (
    <>
      {page.next && <p className="aml-Message">{trans.__('The first %1 are shown.', MOST)}</p>}
      <section aria-label={trans.__('Parallel coordinates')}>
        <Parallel {...plot} />
      </section>
      <section aria-label={trans.__('Scatter')}>
        <ComparedScatter {...plot} />
      </section>
    </>
  );
}
