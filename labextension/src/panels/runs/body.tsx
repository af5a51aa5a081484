import { TranslationBundle } from '@jupyterlab/translation';
import { refreshIcon } from '@jupyterlab/ui-components';

import { useNow, useSignal } from '../../components/hooks';
import { Tree } from '../../components/tree';
import { Section, Sections } from '../sections/body';
import { SectionsModel } from '../sections/model';
import { WorkspaceSwitch } from '../sections/switch';
import { RunsModel } from './model';
import { ExperimentRow, IActions, ITree, RunRow } from './rows';

/** What the panel needs besides its model. */
export interface IRunsProps {
  model: RunsModel;
  sections: SectionsModel;
  actions: IActions & { trackNotebook(): void; switchWorkspace(name: string): void };
  trans: TranslationBundle;
}

/** The workspace: its experiments and their runs as they happen, and the sections of everything else. */
export function RunsBody(props: IRunsProps): JSX.Element {
  const { model, sections, trans } = props;
  useSignal(model.stateChanged);
  useSignal(sections.changed);
  return (
    <div className="aml-Runs">
      <div className="aml-Runs-head">
        <span
          className={`aml-Live${model.connected ? ' aml-mod-on' : ''}`}
          role="status"
          aria-label={model.connected ? trans.__('Live') : trans.__('Not connected')}
          title={
            model.connected
              ? trans.__('Live: changes are shown as they happen')
              : trans.__('Not connected to the server; trying again')
          }
        />
        <WorkspaceSwitch
          client={model.client}
          name={model.info?.workspace.name ?? ''}
          url={model.info?.workspace.url ?? ''}
          onSwitch={name => props.actions.switchWorkspace(name)}
          trans={trans}
        />
        <button
          className="aml-Refresh"
          title={trans.__('Load anew')}
          aria-label={trans.__('Load anew')}
          onClick={() => void model.refresh()}
        >
          <refreshIcon.react tag="span" width="16px" />
        </button>
      </div>
      <Section
        model={sections}
        id="experiments"
        label={trans.__('Experiments')}
        count={model.loaded ? model.experiments.length : null}
      >
        {() => <Experiments {...props} />}
      </Section>
      <Sections model={sections} trans={trans} />
    </div>
  );
}

function Experiments(props: IRunsProps): JSX.Element {
  const { model, trans } = props;
  const now = useNow(model.running);
  const tree = { model, actions: props.actions, now, trans };
  return (
    <>
      <input
        className="aml-Search jp-mod-styled"
        type="search"
        placeholder={trans.__('Find experiments and runs')}
        aria-label={trans.__('Find experiments and runs')}
        value={model.search}
        onChange={event => {
          model.search = event.target.value;
        }}
      />
      {model.error && (
        <div className="aml-Message aml-mod-error" role="alert">
          <p>{model.error}</p>
          <button className="jp-mod-styled" onClick={() => void model.refresh()}>
            {trans.__('Try again')}
          </button>
        </div>
      )}
      <Tree label={trans.__('Experiments and runs')}>
        {model.shownExperiments.map(experiment => (
          <ExperimentRow key={experiment.id} {...tree} experiment={experiment} />
        ))}
        {model.found && <Found {...tree} />}
      </Tree>
      {model.loaded && !model.error && model.experiments.length === 0 && <Empty {...props} />}
      <label className="aml-Archived">
        <input type="checkbox" checked={model.archived} onChange={event => model.showArchived(event.target.checked)} />
        {trans.__('Archived experiments')}
      </label>
    </>
  );
}

function Found(props: ITree): JSX.Element {
  const { model, trans } = props;
  const list = model.found;
  if (!list?.loaded) {
    return <div className="aml-Message">{trans.__('Looking…')}</div>;
  }
  return (
    <>
      <div className="aml-Found">{trans._n('%1 run', '%1 runs', list.runs.length)}</div>
      {list.error && <div className="aml-Message aml-mod-error">{list.error}</div>}
      {list.runs.map(run => (
        <RunRow key={run.id} {...props} run={run} level={1} flat />
      ))}
    </>
  );
}

function Empty(props: IRunsProps): JSX.Element {
  const { model, trans } = props;
  return (
    <div className="aml-Empty">
      {model.archived ? (
        <p>{trans.__('No experiment is archived.')}</p>
      ) : (
        <>
          <p>{trans.__('Nothing has run yet.')}</p>
          <p>{trans.__('Track a notebook: each cell that you execute becomes a run, with its metrics and figures.')}</p>
          <button className="jp-mod-styled jp-mod-accept" onClick={() => props.actions.trackNotebook()}>
            {trans.__('Track the current notebook')}
          </button>
          <p>{trans.__('Or write in a notebook:')}</p>
          <pre>{'%load_ext jupyter_aml\n%aml log loss 0.1'}</pre>
        </>
      )}
    </div>
  );
}
