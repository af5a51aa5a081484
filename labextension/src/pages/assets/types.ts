import { TranslationBundle } from '@jupyterlab/translation';

import { IWorkspaceClient } from '../../tokens';
import { IChange } from '../../wire';
import type { ThingModel } from './model';

/** What a page of one thing shows, whichever kind it is of. */
export interface IThing {
  name: string;
  /** 0 for what has no versions. */
  version: number;
  /** Numbers of all versions, the newest first. */
  versions: readonly number[];
  description: string;
  tags: Record<string, string | null>;
}

export interface IThingChange {
  description?: string;
  set_tags?: Record<string, string>;
  drop_tags?: string[];
}

/** Where the things of a kind come from, and what can be done with them. */
export interface IThings<T extends IThing> {
  /** Whether something of the thing of this name changed. */
  changed(change: IChange, name: string): boolean;
  /** Milliseconds after which it is read anew anyway: for what no change is written down of. */
  every?: number;
  /** One version; the newest without one. */
  load(client: IWorkspaceClient, name: string, version: number | null): Promise<T>;
  /** Without it, tags and description can only be read. */
  change?(client: IWorkspaceClient, thing: T, change: IThingChange): Promise<unknown>;
  /** Remove it for good. */
  remove?(client: IWorkspaceClient, thing: T): Promise<unknown>;
}

/** What every tab of a thing's page is given. */
export interface IThingTab<T extends IThing> {
  model: ThingModel<T>;
  thing: T;
  openRun(id: string): void;
  trans: TranslationBundle;
}

/** A run that had to do with a version. */
export interface IUse {
  run: string;
  /** `input`, `output`, `registered` … */
  role: string;
  label: string;
  time: number;
  name: string;
  experiment: string;
  /** "" when the run has been deleted since. */
  status: string;
}
