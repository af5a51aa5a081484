import { IWorkspaceClient } from '../tokens';
import { IRun } from '../wire';

/** What a notebook's parameters cell declares of one name. */
export interface IParameter {
  name: string;
  /** As the notebook writes it: `float`, `Literal['a', 'b']`; "" for any. */
  type: string;
  choices: string[];
  /** Its source; "" for none. */
  default: string;
  required: boolean;
  secret: boolean;
  help: string;
  /** What a run was given. */
  value?: unknown;
}

export interface IDeclared {
  /** Whether the parameters cell could be read. */
  readable: boolean;
  parameters: IParameter[];
  kernel: string;
  experiment: string;
}

/** What a repetition of a run takes. */
export interface INeeds {
  run: string;
  snapshot: boolean;
  parameters: IParameter[];
}

/** The executions of a notebook's cells, or of one of them, the newest first. */
export async function cells(
  client: IWorkspaceClient,
  path: string,
  more: { cell?: string; run?: string; limit?: number } = {}
): Promise<IRun[]> {
  const { cell, run, limit } = more;
  const query = { path, cell, run: run || undefined, limit: limit === undefined ? undefined : String(limit) };
  return (await client.ask<{ runs: IRun[] }>('notebooks/cells', query)).runs;
}

export function declared(client: IWorkspaceClient, path: string): Promise<IDeclared> {
  return client.ask('notebooks/parameters', { path });
}

/** Execute a notebook in the background; the id of its run. */
export async function start(
  client: IWorkspaceClient,
  body: { path: string; texts: Record<string, string>; experiment?: string; name?: string; output?: string }
): Promise<string> {
  return (await client.ask<{ run: string }>('notebooks/runs', {}, 'POST', body)).run;
}

export function needs(client: IWorkspaceClient, run: string): Promise<INeeds> {
  return client.ask(`runs/${run}/reproduce`);
}

export function reproduce(
  client: IWorkspaceClient,
  run: string,
  texts: Record<string, string> = {}
): Promise<{ run: string; folder: string }> {
  return client.ask(`runs/${run}/reproduce`, {}, 'POST', { texts });
}

/** The notebook as it ran. */
export function asItRan(
  client: IWorkspaceClient,
  run: string
): Promise<{ run: string; name: string; content: object }> {
  return client.ask(`runs/${run}/notebook`);
}
