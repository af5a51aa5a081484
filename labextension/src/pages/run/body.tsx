import { TranslationBundle } from '@jupyterlab/translation';

import { useNow, useSignal } from '../../components/hooks';
import { Status } from '../../components/status';
import { runDuration, title } from '../../format';
import { Children } from './children';
import { Files, Images } from './files';
import { Metrics } from './metrics';
import { RunModel, Tab } from './model';
import { Overview } from './overview';
import { CELLS } from './parent';
import { Source } from './source';
import { IPageActions, ITabProps } from './tab';
import { GitChanges, Log } from './texts';

const TABS: Record<Tab, (props: ITabProps) => JSX.Element> = {
  overview: Overview,
  metrics: Metrics,
  images: Images,
  files: Files,
  source: Source,
  changes: GitChanges,
  log: Log,
  children: Children
};

/** The page of one run. */
export function RunBody(props: { model: RunModel; actions: IPageActions; trans: TranslationBundle }): JSX.Element {
  const { model, actions, trans } = props;
  useSignal(model.stateChanged);
  const now = useNow(model.live);
  const run = model.run;
  if (!run) {
    return model.error ? (
      <div className="aml-Message aml-mod-error" role="alert">
        <p>{model.error}</p>
        <button className="jp-mod-styled" onClick={() => void model.refresh()}>
          {trans.__('Try again')}
        </button>
      </div>
    ) : (
      <div className="aml-Message">{trans.__('Loading…')}</div>
    );
  }
  const names: Record<Tab, string> = {
    overview: trans.__('Overview'),
    metrics: trans.__('Metrics'),
    images: trans.__('Images'),
    files: trans.__('Files'),
    source: trans.__('Source'),
    changes: trans.__('Git changes'),
    log: trans.__('Log'),
    children: CELLS.has(run.type) ? trans.__('Cells') : trans.__('Runs below')
  };
  const shown = (Object.keys(names) as Tab[]).filter(tab => tab !== 'children' || run.child_count > 0);
  const Content = TABS[model.tab];
  return (
    <div className="aml-Page">
      <header className="aml-Page-head">
        <Status status={run.status} label trans={trans} />
        <h1 title={title(run)}>{title(run)}</h1>
        <span className="aml-Page-duration">{runDuration(run, now)}</span>
        {run.type === 'aml.cell' && run.details.cell_id ? (
          <button className="jp-mod-styled" onClick={() => actions.jumpToCell(run)}>
            {trans.__('Go to the cell')}
          </button>
        ) : null}
        {model.live && run.status !== 'CancelRequested' && (
          <button className="jp-mod-styled jp-mod-warn" onClick={() => void model.cancel()}>
            {run.type === 'aml.session' ? trans.__('Interrupt') : trans.__('Cancel')}
          </button>
        )}
      </header>
      {model.error && (
        <div className="aml-Message aml-mod-error" role="alert">
          {model.deleted ? trans.__('This run was deleted.') : model.error}
        </div>
      )}
      <nav className="aml-Tabs" role="tablist">
        {shown.map(tab => (
          <button
            key={tab}
            role="tab"
            aria-selected={model.tab === tab}
            onClick={() => {
              model.tab = tab;
            }}
          >
            {names[tab]}
            {tab === 'children' && <small> {run.child_count}</small>}
            {tab === 'metrics' && <small> {Object.keys(run.metrics).length || ''}</small>}
          </button>
        ))}
      </nav>
      <section className="aml-Page-content" role="tabpanel" aria-label={names[model.tab]}>
        <Content model={model} run={run} actions={actions} trans={trans} />
      </section>
    </div>
  );
}
