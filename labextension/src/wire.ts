/**
 * What the server says: the records of `jupyter_aml/store/records.py` as JSON (docs/rest.md).
 * Times are seconds since the epoch; NaN and infinities arrive as text.
 */
export type Num = number | 'NaN' | 'Infinity' | '-Infinity';

export interface IExperiment {
  id: string;
  name: string;
  created: number;
  archived: number | null;
  description: string;
  tags: Record<string, string | null>;
  run_count: number;
  last_activity: number | null;
}

export interface IMetric {
  run: string;
  name: string;
  kind: string;
  count: number;
  last: unknown;
  min: Num | null;
  max: Num | null;
  first_time: number;
  last_time: number;
  last_step: number | null;
  description: string;
}

export interface IRunError {
  code?: string;
  message?: string;
  traceback?: string;
}

export interface IRun {
  id: string;
  experiment: string;
  type: string;
  status: string;
  parent: string | null;
  root: string | null;
  number: number;
  name: string;
  description: string;
  created: number;
  started: number | null;
  ended: number | null;
  user: string;
  host: string;
  error: IRunError | null;
  snapshot: string | null;
  params: Record<string, unknown>;
  tags: Record<string, string | null>;
  properties: Record<string, string>;
  details: Record<string, unknown>;
  child_count: number;
  metrics: Record<string, IMetric>;
}

export interface IPage {
  runs: IRun[];
  next: string | null;
}

/** A run as a table's row: what every table shows, and the fields that were asked for. */
export interface IRow {
  id: string;
  experiment: string;
  parent: string | null;
  number: number;
  name: string;
  type: string;
  status: string;
  created: number;
  started: number | null;
  ended: number | null;
  user: string;
  host: string;
  description: string;
  tags: Record<string, string | null>;
  child_count: number;
  snapshot: string | null;
  error: IRunError | null;
  details: Record<string, unknown>;
  /** `params.lr`, `metrics.loss.min` … → value. */
  values: Record<string, unknown>;
}

/** A name that an experiment's runs use. */
export interface IField {
  field: string;
  runs: number;
  numeric: boolean;
  values: string[];
}

export interface IFields {
  fields: IField[];
  total: number;
  looked_at: number;
  more_runs: boolean;
}

export interface IGroups {
  groups: { value: unknown; count: number }[];
  /** Values beyond those. */
  others: number;
  looked_at: number;
  /** Whether all runs were looked at. */
  whole: boolean;
}

/** The source of several runs: which files, with what content in each. */
export interface ISources {
  keepers: Record<string, string | null>;
  files: { path: string; digests: Record<string, string> }[];
}

/** One line of the change feed. */
export interface IChange {
  seq: number;
  time: number;
  who: string;
  verb: 'created' | 'changed' | 'ended' | 'deleted' | 'logged';
  /** `experiment`, `run`, `workspace`, or the kind of a named thing: `model`, `dataset` … */
  noun: string;
  id: string;
  experiment: string;
  root: string;
  data: Record<string, unknown>;
}

/** A series as drawn: one bucket for each pixel that has points. */
export interface ISampled {
  name: string;
  total: number;
  steps: number[];
  times: number[];
  min: Num[];
  max: Num[];
  last: Num[];
  nonfinite: number[];
}

/** A series as it was logged. */
export interface ISeries {
  name: string;
  kind: string;
  steps: number[];
  times: number[];
  values: unknown[];
}

export interface IFile {
  run: string;
  path: string;
  size: number;
  /** "" for a text that is still being appended to. */
  digest: string;
  time: number;
  media_type: string;
}

export interface ISourceFile {
  path: string;
  size: number;
}

export interface IInfo {
  version: string;
  workspace: { name: string; url: string; id: string };
  track: 'marked' | 'all' | 'none';
  last_change: number;
}

export interface ITracking {
  path: string;
  tracked: boolean;
  experiment: string;
  session_run: string | null;
  kernel_id: string | null;
}

/** A version of a named thing: a model, a dataset, an environment … */
export interface IAsset {
  kind: string;
  name: string;
  version: number;
  id: string;
  created: number;
  archived: number | null;
  user: string;
  /** The run that made it. */
  run: string | null;
  description: string;
  tags: Record<string, string | null>;
  properties: Record<string, string>;
  /** What only this kind has. */
  data: Record<string, unknown>;
  /** path → digest and size. */
  files: Record<string, [string, number]>;
}

export interface IAssets {
  /** The newest version of each. */
  assets: IAsset[];
  /** name → how many versions. */
  versions: Record<string, number>;
  next: string | null;
}

/** What a run had to do with a version of a named thing. */
export interface ILink {
  run: string;
  role: string;
  kind: string;
  asset: string;
  /** "" when it has been deleted since. */
  name: string;
  version: number;
  label: string;
  time: number;
}

/** A workspace that the server offers. */
export interface IOffered {
  name: string;
  url: string;
  /** Whether it is the server's own. */
  current: boolean;
}

/** The tag of runs that were put away: lists show them only when they are asked for. */
export const ARCHIVED = 'aml.archived';

/** The filters (docs/filters.md) of runs that were put away, and of all others. */
export const AWAY = { yes: `tags.${ARCHIVED} is not null`, no: `tags.${ARCHIVED} is null` } as const;

/** What changes a run so that it is put away, or taken back. */
export function archiving(archived: boolean): { set_tags?: Record<string, string>; drop_tags?: string[] } {
  return archived ? { set_tags: { [ARCHIVED]: 'yes' } } : { drop_tags: [ARCHIVED] };
}

/** A run's tags without the one that says that it was put away. */
export function ownTags(tags: Record<string, string | null>): Record<string, string | null> {
  return Object.fromEntries(Object.entries(tags).filter(([key]) => key !== ARCHIVED));
}

/** Statuses that end a run. */
const ENDED = new Set(['Completed', 'Failed', 'Canceled']);

/** Whether a run has come to its end. */
export function ended(run: { status: string }): boolean {
  return ENDED.has(run.status);
}
