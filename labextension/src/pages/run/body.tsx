import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { useNow, useSignal } from '../../components/hooks';
import { Problem } from '../../components/problem';
import { Status } from '../../components/status';
import { runDuration, title } from '../../format';
import { Children } from './children';
import { Details } from './details';
import { Files } from './files';
import { Images } from './images';
import { Metrics } from './metrics';
import { RunModel, Tab } from './model';
import { NotebookAsItRan } from './notebook';
import { Overview } from './overview';
import { CELLS } from './parent';
import { Search } from './search';
import { Source } from './source';
import { IPageActions, ITabProps } from './tab';
import { GitChanges, Log } from './texts';
import { Things } from './things';

const TABS: Record<Tab, (props: ITabProps) => JSX.Element> = {
  overview: Overview,
  notebook: NotebookAsItRan,
  metrics: Metrics,
  images: Images,
  files: Files,
  source: Source,
  changes: GitChanges,
  log: Log,
  search: Search,
  children: Children,
  things: Things,
  details: Details
};

/** The page of one run. */
export function RunBody(props: { model: RunModel; actions: IPageActions; trans: TranslationBundle }): JSX.Element {
  const { model, actions, trans } = props;
  useSignal(model.stateChanged);
  const now = useNow(model.live);
  const run = model.run;
  if (!run) {
    return model.deleted ? (
      <Gone trans={trans} />
    ) : model.error ? (
      <Problem error={model.error} retry={() => void model.refresh()} trans={trans} />
    ) : (
      <div className="aml-Message">{trans.__('Loading…')}</div>
    );
  }
  const names: Record<Tab, string> = {
    overview: trans.__('Overview'),
    notebook: trans.__('Notebook'),
    metrics: trans.__('Metrics'),
    images: trans.__('Images'),
    files: trans.__('Files'),
    source: trans.__('Source'),
    changes: trans.__('Git changes'),
    log: trans.__('Log'),
    search: trans.__('Search'),
    children: CELLS.has(run.type) ? trans.__('Cells') : trans.__('Runs below'),
    things: trans.__('Data and models'),
    details: trans.__('Details')
  };
  const shown = (Object.keys(names) as Tab[]).filter(
    tab =>
      (tab !== 'children' || run.child_count > 0) &&
      (tab !== 'notebook' || CELLS.has(run.type)) &&
      (tab !== 'search' || run.type === 'hyperdrive')
  );
  const Content = TABS[model.tab];
  return (
    <div className="aml-Page">
      <header className="aml-Page-head">
        <Status status={run.status} label trans={trans} />
        <h1 title={title(run)}>{title(run)}</h1>
        <span className="aml-Page-duration">{runDuration(run, now)}</span>
        {model.archived && <span className="aml-Tag aml-mod-fixed">{trans.__('archived')}</span>}
      </header>
      <Actions model={model} run={run} actions={actions} trans={trans} />
      {model.deleted ? (
        <Gone trans={trans} />
      ) : (
        model.error && <Problem error={model.error} retry={() => void model.refresh()} trans={trans} />
      )}
      <Tabs names={names} shown={shown} model={model} badge={tab => badge(tab, run.child_count, run.metrics)} />
      <section className="aml-Page-content" role="tabpanel" aria-label={names[model.tab]}>
        <Content model={model} run={run} actions={actions} trans={trans} />
      </section>
    </div>
  );
}

function badge(tab: Tab, children: number, metrics: object): string {
  const count = tab === 'children' ? children : tab === 'metrics' ? Object.keys(metrics).length : 0;
  return count > 0 ? count.toLocaleString() : '';
}

function Gone(props: { trans: TranslationBundle }): JSX.Element {
  return (
    <div className="aml-Message aml-mod-error" role="alert">
      {props.trans.__('This run was deleted. What is still shown here is all that is left of it.')}
    </div>
  );
}

/** What can be done with the run. */
function Actions(props: ITabProps): JSX.Element | null {
  const { model, run, actions, trans } = props;
  if (model.deleted) {
    return null;
  }
  const ofNotebook = CELLS.has(run.type) || run.type === 'aml.cell';
  const again = ofNotebook && (run.type !== 'aml.notebook' || !model.live);
  return (
    <div className="aml-Page-actions" role="group" aria-label={trans.__('Actions')}>
      {ofNotebook && (
        <button className="jp-mod-styled jp-mod-minimal" onClick={() => actions.openAsItRan(run)}>
          {trans.__('Open notebook as it ran')}
        </button>
      )}
      {run.type === 'aml.cell' && run.details.cell_id ? (
        <button className="jp-mod-styled jp-mod-minimal" onClick={() => actions.jumpToCell(run)}>
          {trans.__('Go to the cell')}
        </button>
      ) : null}
      {again && (
        <button className="jp-mod-styled jp-mod-minimal" onClick={() => actions.reproduce(run)}>
          {trans.__('Reproduce')}
        </button>
      )}
      {again && run.type === 'aml.notebook' && (
        <button className="jp-mod-styled jp-mod-minimal" onClick={() => actions.resubmit(run)}>
          {trans.__('Run again with…')}
        </button>
      )}
      <span className="aml-Page-space" />
      {model.live && run.status !== 'CancelRequested' && (
        <button className="jp-mod-styled jp-mod-warn" onClick={() => void model.cancel()}>
          {run.type === 'aml.session' ? trans.__('Interrupt') : trans.__('Cancel')}
        </button>
      )}
      {!model.live && (
        <button
          className="jp-mod-styled jp-mod-minimal"
          title={model.archived ? undefined : trans.__('Lists hide it; nothing is deleted')}
          onClick={() => void model.archive(!model.archived)}
        >
          {model.archived ? trans.__('Restore') : trans.__('Archive')}
        </button>
      )}
      {!model.live && (
        <button className="jp-mod-styled jp-mod-minimal" onClick={() => actions.remove(model)}>
          {trans.__('Delete…')}
        </button>
      )}
    </div>
  );
}

/** The list of tabs: one stop of the Tab key, arrows move within. */
function Tabs(props: {
  names: Record<Tab, string>;
  shown: readonly Tab[];
  model: RunModel;
  badge: (tab: Tab) => string;
}): JSX.Element {
  const { names, shown, model, badge } = props;
  const move = (event: React.KeyboardEvent<HTMLElement>) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const place = shown.indexOf(model.tab);
    const next = step ? (place + step + shown.length) % shown.length : { Home: 0, End: shown.length - 1 }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      model.tab = shown[next];
      event.currentTarget.querySelectorAll('button')[next].focus();
    }
  };
  return (
    <div className="aml-Tabs" role="tablist" onKeyDown={move}>
      {shown.map(tab => (
        <button
          key={tab}
          role="tab"
          tabIndex={model.tab === tab ? 0 : -1}
          aria-selected={model.tab === tab}
          onClick={() => {
            model.tab = tab;
          }}
        >
          {names[tab]}
          {badge(tab) && <small> {badge(tab)}</small>}
        </button>
      ))}
    </div>
  );
}
