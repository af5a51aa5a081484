import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';

import { IWorkspaceClient } from '../../tokens';
import { IChange } from '../../wire';

/** A row of a section's tree. */
export interface INode {
  /** Unique in the tree. */
  key: string;
  /** What it is: `model`, `version`, `group`, `folder` … Context menus look at it, as `data-kind`. */
  kind: string;
  label: string;
  /** Quiet words at the end of the row. */
  note?: string;
  count?: number;
  /** A run's status, or that of something which runs. */
  status?: string;
  hint?: string;
  /** Whether something may be below it. */
  branch?: boolean;
  /** Whether it is open from the beginning. */
  opened?: boolean;
  /** What actions need to know of it; `data-…` of the row. */
  data: Record<string, string>;
}

export interface INodes {
  nodes: INode[];
  /** Whether there are more than these. */
  more: boolean;
  /** How many there are in all, as far as the section's head tells. */
  total?: number;
}

export interface IAsked {
  text: string;
  /** How many rows at most. */
  limit: number;
}

/** Something that a row's end offers, and the context menu, too. */
export interface IRowAction {
  label: string;
  title: string;
  run(): unknown;
}

/** What a section is about: the one thing that differs between models, data, environments … */
export interface INoun {
  id: string;
  label: string;
  search: string;
  /** Whether the section is old after a change. */
  changed(change: IChange): boolean;
  /** Milliseconds after which it is loaded anew anyway, while it is open: for what no change is written down of. */
  every?: number;
  /** What is below a row; below nothing for the first level. */
  load(client: IWorkspaceClient, below: INode | null, asked: IAsked): Promise<INodes>;
  /** What a click does; without it the row opens and closes. */
  open?(node: INode): (() => unknown) | null;
  actions?(node: INode): IRowAction[];
  /** What is shown when there is nothing: which step comes next. */
  empty(): JSX.Element;
}

/** What a noun's module is made with. */
export interface INounContext {
  client: IWorkspaceClient;
  commands: CommandRegistry;
  trans: TranslationBundle;
}
