/** A dataset as `GET datasets` tells it. */
export interface IDataset {
  id: string;
  name: string;
  version: number;
  /** `tabular` or `file`. */
  type: string;
  description: string;
  tags: Record<string, string | null>;
  created: number | null;
  user: string;
  run: string | null;
  source: string;
  places: string[];
  steps: string[];
  timestamp: unknown;
  partition_keys: string[];
}

/** A datastore; of its credentials the names alone. */
export interface IDatastore {
  name: string;
  type: string;
  builtin: boolean;
  settings: Record<string, unknown>;
  credentials: string[];
  description: string;
  tags: Record<string, string | null>;
}

/** What lies in a datastore. */
export interface IEntry {
  path: string;
  is_folder: boolean;
  size: number;
  modified: number | null;
}

/** Kinds of datastores that have no files. */
export const DATABASES = new Set(['AzureSqlDatabase', 'AzurePostgreSql', 'AzureMySql', 'Sql']);
