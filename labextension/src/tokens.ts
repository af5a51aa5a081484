import { Token } from '@lumino/coreutils';
import { IDisposable } from '@lumino/disposable';
import { ISignal } from '@lumino/signaling';

import {
  IChange,
  IExperiment,
  IFields,
  IFile,
  IGroups,
  IInfo,
  IOffered,
  IPage,
  IRow,
  IRun,
  ISampled,
  ISeries,
  ISourceFile,
  ISources,
  ITracking
} from './wire';

/** Which runs to list; the names are those of `GET runs`. */
export interface IRunsQuery {
  experiment?: string;
  parent?: string;
  everywhere?: boolean;
  text?: string;
  /** In the language of docs/filters.md: all must hold. */
  filter?: string[];
  order?: string;
  limit?: number;
  cursor?: string;
}

/** Which runs a table shows; the names are those of `GET studio/runs`. */
export interface IRowsQuery {
  experiment?: string;
  everywhere?: boolean;
  text?: string;
  filter?: string[];
  order?: string;
  limit?: number;
  cursor?: string;
  /** Columns: `params.lr`, `metrics.loss.min` … */
  field?: string[];
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
  /** Name of the workspace that is shown; "" for the server's own. */
  readonly workspace: string;

  /** The workspaces that the server offers. */
  workspaces(): Promise<IOffered[]>;
  /** Show another one; everything is then loaded anew. */
  switchWorkspace(name: string): void;
  info(): Promise<IInfo>;
  experiments(archived?: boolean): Promise<IExperiment[]>;
  experiment(name: string): Promise<IExperiment>;
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
  rows(query: IRowsQuery): Promise<{ rows: IRow[]; next: string | null }>;
  fields(query: IRowsQuery): Promise<IFields>;
  groups(query: IRowsQuery, by: string): Promise<IGroups>;
  rowsUrl(query: IRowsQuery): string;
  manySeries(ids: string[], name: string, query: ISeriesQuery): Promise<Record<string, ISampled>>;
  sources(ids: string[]): Promise<ISources>;
  /** Any route of the REST interface, as docs/rest.md describes it: for parts that have routes of their own. */
  ask<T>(
    route: string,
    query?: Record<string, string | string[] | undefined>,
    method?: string,
    body?: object
  ): Promise<T>;
  /** The address of a route, to be opened or saved by the browser. */
  address(route: string, query?: Record<string, string | string[] | undefined>): string;
  tracking(path: string): Promise<ITracking>;
  track(path: string, tracked: boolean, experiment?: string): Promise<ITracking>;
}

/** The client, for plugins that want to show runs themselves. */
export const IWorkspaceClient = new Token<IWorkspaceClient>(
  'jupyter-aml:IWorkspaceClient',
  'The workspace of experiments and runs that the Jupyter server serves.'
);

/** What a section of the sidebar shows. */
export interface ISectionContent extends IDisposable {
  readonly stateChanged: ISignal<ISectionContent, void>;
  /** Whether the server has what this is about: a section of what it has not is not shown. */
  readonly available: boolean;
  /** How many things there are; null while that is not known. */
  readonly count: number | null;
  render(): JSX.Element;
}

/** A section of the sidebar. */
export interface ISection {
  id: string;
  label: string;
  /** Sections come in the order of their ranks. */
  rank: number;
  /** Called when the sidebar is seen for the first time. */
  load(): Promise<ISectionContent>;
}

/** The sidebar's sections below the experiments. */
export interface ISections {
  readonly sections: readonly ISection[];
  readonly changed: ISignal<ISections, void>;
  add(section: ISection): IDisposable;
}

/** The sidebar's sections, for plugins that want to add one. */
export const ISections = new Token<ISections>(
  'jupyter-aml:ISections',
  'The sections of the workspace’s sidebar: models, data, environments …'
);
