import { Token } from '@lumino/coreutils';
import { ISignal } from '@lumino/signaling';

import { IChange, IExperiment, IFile, IInfo, IPage, IRun, ISampled, ISeries, ISourceFile, ITracking } from './wire';

/** Which runs to list; the names are those of `GET runs`. */
export interface IRunsQuery {
  experiment?: string;
  parent?: string;
  everywhere?: boolean;
  text?: string;
  order?: string;
  limit?: number;
  cursor?: string;
}

/** What a page asks for of a run's series. */
export interface ISeriesQuery {
  names?: string[];
  width?: number;
  start?: number;
  stop?: number;
  axis?: 'step' | 'time';
}

/** Changes that happened; `null` when so much was missed that everything is to be loaded anew. */
export type Changes = IChange[] | null;

/** The workspace that the Jupyter server serves: one client for all of the extension. */
export interface IWorkspaceClient {
  /** Emitted as things change in the workspace. */
  readonly changed: ISignal<IWorkspaceClient, Changes>;
  /** Emitted when the live connection comes or goes. */
  readonly connectionChanged: ISignal<IWorkspaceClient, boolean>;
  /** Whether changes arrive as they happen. */
  readonly connected: boolean;

  info(): Promise<IInfo>;
  experiments(archived?: boolean): Promise<IExperiment[]>;
  changeExperiment(name: string, change: { archived?: boolean }): Promise<IExperiment>;
  runs(query: IRunsQuery): Promise<IPage>;
  run(id: string): Promise<IRun>;
  changeRun(
    id: string,
    change: {
      name?: string;
      description?: string;
      set_tags?: Record<string, string>;
      drop_tags?: string[];
    }
  ): Promise<IRun>;
  cancelRun(id: string): Promise<IRun>;
  deleteRun(id: string): Promise<void>;
  series(id: string, query: ISeriesQuery): Promise<ISampled[]>;
  points(id: string, name: string): Promise<ISeries>;
  files(id: string): Promise<IFile[]>;
  fileUrl(id: string, path: string, download?: boolean): string;
  text(id: string, path: string, start: number): Promise<{ text: string; next: number }>;
  diff(id: string): Promise<{ diff: string; truncated: boolean }>;
  source(id: string): Promise<ISourceFile[]>;
  sourceText(id: string, path: string): Promise<string>;
  tracking(path: string): Promise<ITracking>;
  track(path: string, tracked: boolean, experiment?: string): Promise<ITracking>;
}

/** The client, for plugins that want to show runs themselves. */
export const IWorkspaceClient = new Token<IWorkspaceClient>(
  'jupyter-aml:IWorkspaceClient',
  'The workspace of experiments and runs that the Jupyter server serves.'
);
