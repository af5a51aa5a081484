import { Contents, ServerConnection } from '@jupyterlab/services';
import { ISignal, Signal } from '@lumino/signaling';

import { IWorkspaceClient } from '../tokens';
import { asItRan } from './api';

/** Name of the drive of notebooks as they ran. */
export const DRIVE = 'aml-run';

/** The path of a run's notebook on it. */
export function asItRanPath(run: string, name: string): string {
  return `${DRIVE}:${run}/${name.endsWith('.ipynb') ? name : `${name}.ipynb`}`;
}

/** Notebooks as they ran, as documents that can be read and not written. */
export class RunDrive implements Contents.IDrive {
  constructor(
    private readonly _client: IWorkspaceClient,
    readonly serverSettings: ServerConnection.ISettings
  ) {}

  readonly name = DRIVE;
  isDisposed = false;

  get fileChanged(): ISignal<this, Contents.IChangedArgs> {
    return this._fileChanged;
  }

  dispose(): void {
    this.isDisposed = true;
    Signal.clearData(this);
  }

  async get(path: string, options?: Contents.IFetchOptions): Promise<Contents.IModel> {
    const [run, name] = split(path);
    if (!name) {
      return { ...model(path, run), type: 'directory', content: [], format: 'json', mimetype: '' };
    }
    if (options?.content === false) {
      return model(path, name);
    }
    const found = await asItRan(this._client, run);
    return { ...model(path, name), content: found.content, format: 'json' };
  }

  async getDownloadUrl(path: string): Promise<string> {
    return this._client.fileUrl(split(path)[0], 'output.ipynb', true);
  }

  newUntitled(): Promise<Contents.IModel> {
    return refused();
  }
  delete(): Promise<void> {
    return refused();
  }
  rename(): Promise<Contents.IModel> {
    return refused();
  }
  save(): Promise<Contents.IModel> {
    return refused();
  }
  copy(): Promise<Contents.IModel> {
    return refused();
  }
  createCheckpoint(): Promise<Contents.ICheckpointModel> {
    return refused();
  }
  async listCheckpoints(): Promise<Contents.ICheckpointModel[]> {
    return [];
  }
  restoreCheckpoint(): Promise<void> {
    return refused();
  }
  deleteCheckpoint(): Promise<void> {
    return refused();
  }

  private readonly _fileChanged = new Signal<this, Contents.IChangedArgs>(this);
}

function split(path: string): [string, string] {
  const [run = '', ...rest] = path.split('/');
  return [run, rest.join('/')];
}

function model(path: string, name: string): Contents.IModel {
  const never = new Date(0).toISOString();
  return {
    name,
    path,
    type: 'notebook',
    writable: false,
    created: never,
    last_modified: never,
    mimetype: '',
    content: null,
    format: null
  };
}

function refused(): Promise<never> {
  return Promise.reject(new Error('A notebook as it ran cannot be changed. Save a copy of it elsewhere.'));
}
