import { InputDialog, Notification } from '@jupyterlab/apputils';
import { NotebookPanel } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, caretDownEmptyIcon } from '@jupyterlab/ui-components';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { useSignal } from '../components/hooks';
import { explained } from '../components/problem';
import { trackIcon } from '../icons';
import { IWorkspaceClient } from '../tokens';

/** The key of notebook metadata in which the switch is kept. */
const KEY = 'jupyter_aml';

type Kept = { track?: boolean; experiment?: string };

/** Whether a notebook is tracked: as its metadata says, else as the server is set. */
export class TrackingModel implements IDisposable {
  constructor(
    private readonly _client: IWorkspaceClient,
    private readonly _panel: NotebookPanel,
    private readonly _trans: TranslationBundle
  ) {
    void _panel.context.ready.then(() => this.refresh());
    _panel.context.pathChanged.connect(this.refresh, this);
    _panel.sessionContext.kernelChanged.connect(this.refresh, this);
  }

  tracked = false;
  experiment = '';

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    Signal.clearData(this);
  }

  /** Ask the server, whose settings may say all or none. */
  async refresh(): Promise<void> {
    try {
      const state = await this._client.tracking(this._path);
      this.tracked = this._kept.track ?? state.tracked;
      this.experiment = this._kept.experiment || state.experiment;
    } catch {
      this.tracked = this._kept.track ?? false;
    }
    this._emit();
  }

  /** Switch; takes effect at once, also for the kernel that runs. */
  async set(tracked: boolean): Promise<void> {
    try {
      const state = await this._client.track(this._path, tracked, this._kept.experiment);
      this._panel.context.model.setMetadata(KEY, { ...this._kept, track: tracked });
      this.tracked = state.tracked;
      this.experiment = state.experiment;
    } catch (error) {
      Notification.error(explained(error as Error, this._trans), { autoClose: 8000 });
    }
    this._emit();
  }

  /** Record into another experiment from now on. */
  async choose(experiment: string): Promise<void> {
    try {
      const state = await this._client.track(this._path, true, experiment);
      this._panel.context.model.setMetadata(KEY, { ...this._kept, track: true, experiment });
      this.tracked = state.tracked;
      this.experiment = state.experiment;
    } catch (error) {
      Notification.error(explained(error as Error, this._trans), { autoClose: 8000 });
    }
    this._emit();
  }

  /** Names of the experiments there are. */
  async experiments(): Promise<string[]> {
    return (await this._client.experiments()).map(one => one.name);
  }

  private get _kept(): Kept {
    const kept = this._panel.context.model?.getMetadata(KEY) as Kept | undefined;
    return kept && typeof kept === 'object' ? kept : {};
  }

  /** Contents of another drive have its name in front; the server knows them without. */
  private get _path(): string {
    return this._panel.context.localPath;
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private _isDisposed = false;
  private readonly _changed = new Signal<this, void>(this);
}

/** Ask into which experiment a notebook is recorded: one of those there are, or a new one. */
export async function chooseExperiment(model: TrackingModel, trans: TranslationBundle): Promise<void> {
  let known: string[] = [];
  try {
    known = await model.experiments();
  } catch (error) {
    Notification.error(explained(error as Error, trans), { autoClose: 8000 });
    return;
  }
  const current = model.experiment;
  const items = current && !known.includes(current) ? [current, ...known] : known;
  const asked = await InputDialog.getItem({
    title: trans.__('Record into experiment'),
    label: trans.__('One of these, or a new name'),
    items,
    current,
    editable: true,
    okLabel: trans.__('Record')
  });
  const name = asked.button.accept ? asked.value?.trim() : '';
  if (name && (name !== current || !model.tracked)) {
    await model.choose(name);
  }
}

/** The switch as it stands on the notebook's toolbar. */
export class TrackingSwitch extends ReactWidget {
  constructor(
    private readonly _model: TrackingModel,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('aml-TrackingSwitch');
  }

  render(): JSX.Element {
    return <Switch model={this._model} trans={this._trans} />;
  }
}

function Switch(props: { model: TrackingModel; trans: TranslationBundle }): JSX.Element {
  const { model, trans } = props;
  useSignal(model.changed);
  const hint = model.tracked
    ? trans.__('Tracked: each cell becomes a run of experiment “%1”. Click to stop.', model.experiment)
    : trans.__('Not tracked. Click to record each cell as a run.');
  return (
    <>
      <button
        className="aml-Track jp-ToolbarButtonComponent"
        role="switch"
        aria-checked={model.tracked}
        aria-label={trans.__('Track this notebook')}
        title={hint}
        onClick={() => void model.set(!model.tracked)}
      >
        <trackIcon.react tag="span" />
        <span>{model.tracked ? trans.__('Tracked') : trans.__('Track')}</span>
      </button>
      {model.tracked && (
        <button
          className="aml-Track aml-mod-experiment jp-ToolbarButtonComponent"
          aria-haspopup="dialog"
          aria-label={trans.__('Experiment %1: choose another', model.experiment)}
          title={trans.__('Experiment “%1”. Click to choose another.', model.experiment)}
          onClick={() => void chooseExperiment(model, trans)}
        >
          <span>{model.experiment}</span>
          <caretDownEmptyIcon.react tag="span" />
        </button>
      )}
    </>
  );
}
