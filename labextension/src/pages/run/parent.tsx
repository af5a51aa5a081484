import { TranslationBundle } from '@jupyterlab/translation';

import { useLoaded } from '../../components/hooks';
import { IRun } from '../../wire';
import { RunModel } from './model';
import { ITabProps } from './tab';

/** Kinds of run whose children are cells. */
export const CELLS = new Set(['aml.session', 'aml.notebook']);

/**
 * The run that keeps what a cell has not: the source and the git state are kept once for all cells of a session.
 * `null` until it is known.
 */
export function useKeeper(props: ITabProps, own: boolean): { keeper: IRun | null; error: string | null } {
  const { model, run } = props;
  const parent = !own && run.type === 'aml.cell' ? run.parent : null;
  const { value, error } = useLoaded(
    () => (parent ? model.client.run(parent) : Promise.resolve(null)),
    [parent, model.version]
  );
  return { keeper: parent ? value : run, error };
}

/** Says that what is shown is the session's, and leads there. */
export function Kept(props: ITabProps & { keeper: IRun }): JSX.Element | null {
  const { run, keeper, actions, trans } = props;
  if (keeper.id === run.id) {
    return null;
  }
  return (
    <p className="aml-Message">
      {keeper.type === 'aml.session'
        ? trans.__('As kept with the notebook session of this cell, when it began.')
        : trans.__('As kept with the notebook execution of this cell, when it began.')}{' '}
      <button className="aml-Link" onClick={() => actions.openRun(keeper)}>
        {trans.__('Open it')}
      </button>
    </p>
  );
}

/** What a run has none of itself, its cells may have; a run without cells just says so. */
export function Below(props: {
  model: RunModel;
  run: IRun;
  trans: TranslationBundle;
  cells: string;
  none: string;
  empty: boolean;
}): JSX.Element | null {
  const { model, run, trans, cells, none, empty } = props;
  if (!CELLS.has(run.type) || run.child_count === 0) {
    return empty ? <p className="aml-Message">{none}</p> : null;
  }
  return (
    <p className="aml-Message">
      {cells}{' '}
      <button
        className="aml-Link"
        onClick={() => {
          model.tab = 'children';
        }}
      >
        {trans.__('Show the cells')}
      </button>
    </p>
  );
}
