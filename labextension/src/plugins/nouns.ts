/** What the plugins of models, data, environments … share: their pages, and commands of rows in the sidebar. */
import { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, MainAreaWidget, Notification, WidgetTracker, showDialog } from '@jupyterlab/apputils';
import { ITranslator, TranslationBundle, nullTranslator } from '@jupyterlab/translation';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { ISignal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { CommandIDs } from '../commands';
import { explained } from '../components/problem';
import { amlIcon } from '../icons';
import type { INounContext } from '../panels/assets/types';
import { ISectionContent, ISections, IWorkspaceClient } from '../tokens';

/** A kind of things: its section of the sidebar. */
export interface INounSection {
  id: string;
  /** Sections come in the order of their ranks. */
  rank: number;
  label(trans: TranslationBundle): string;
  /** The section's code, which is fetched when the sidebar is seen. */
  code(): Promise<{ section(context: INounContext): ISectionContent }>;
}

/** What every noun's plugin has. */
export interface INounBegun {
  trans: TranslationBundle;
  openRun(id: string): void;
  /** Put a cell into the notebook. */
  insert(code: string): void;
  /** Ask whether something is to be done that cannot be undone. */
  sure(title: string, body: string, accept: string): Promise<boolean>;
  /** Wait for something that was asked for; what was refused is told. */
  told(done: Promise<unknown>): Promise<void>;
}

/** Add a noun's section to the sidebar. */
export function beginNoun(
  app: JupyterFrontEnd,
  client: IWorkspaceClient,
  sections: ISections,
  translator: ITranslator | null,
  noun: INounSection
): INounBegun {
  const trans = (translator ?? nullTranslator).load('jupyter_aml');
  const { commands } = app;
  sections.add({
    id: noun.id,
    label: noun.label(trans),
    rank: noun.rank,
    load: async () => (await noun.code()).section({ client, commands, trans })
  });
  return {
    trans,
    openRun: id => void commands.execute(CommandIDs.openRun, { id }),
    insert: code => void commands.execute(CommandIDs.useInNotebook, { code }),
    async sure(title, body, accept) {
      const buttons = [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.warnButton({ label: accept })];
      return (await showDialog({ title, body, buttons })).button.accept;
    },
    async told(done) {
      try {
        await done;
      } catch (error) {
        Notification.error(explained(error as Error, trans), { autoClose: 8000 });
      }
    }
  };
}

/** What a page of one thing shows. */
export interface IThingContent extends Widget {
  readonly label: string;
  readonly labelChanged: ISignal<unknown, unknown>;
  showVersion(version: unknown): void;
}

export interface IPageOptions {
  /** Of the tracker, and of the widgets' ids: `model` … */
  noun: string;
  /** The command that opens a page. */
  command: string;
  restorer: ILayoutRestorer | null;
  /** Of which thing arguments are: pages of the same thing are one. */
  keyOf(args: ReadonlyPartialJSONObject): string;
  /** What of the arguments restores the page. */
  argsOf(args: ReadonlyPartialJSONObject): ReadonlyPartialJSONObject;
  /** Made when a page is opened, by code that is fetched then. */
  make(args: ReadonlyPartialJSONObject, close: () => void): Promise<IThingContent>;
}

/** Open pages of one kind of things, each thing once. */
export function thingPages(
  app: JupyterFrontEnd,
  options: IPageOptions
): (args: ReadonlyPartialJSONObject) => Promise<void> {
  const tracker = new WidgetTracker<MainAreaWidget<IThingContent>>({ namespace: `jupyter-aml-${options.noun}` });
  const given = new WeakMap<Widget, ReadonlyPartialJSONObject>();
  void options.restorer?.restore(tracker, {
    command: options.command,
    args: page => options.argsOf(given.get(page) ?? {}),
    name: page => options.keyOf(given.get(page) ?? {})
  });
  return async args => {
    const key = options.keyOf(args);
    const find = () => tracker.find(one => options.keyOf(given.get(one) ?? {}) === key);
    let page = find();
    if (page) {
      if (args.version !== undefined) {
        page.content.showVersion(args.version);
      }
    } else {
      const content = await options.make(args, () => find()?.dispose());
      page = new MainAreaWidget({ content });
      page.id = `jupyter-aml-${options.noun}-${encodeURIComponent(key)}`;
      page.title.icon = amlIcon;
      page.title.closable = true;
      page.toolbar.hide();
      const { title } = page;
      const name = () => {
        title.label = content.label.length > 30 ? `${content.label.slice(0, 29)}…` : content.label;
        title.caption = content.label;
      };
      name();
      content.labelChanged.connect(name);
      given.set(page, args);
      await tracker.add(page);
    }
    if (!page.isAttached) {
      app.shell.add(page, 'main');
    }
    app.shell.activateById(page.id);
  };
}

/** The data of the sidebar's row of these kinds that a context menu was opened on. */
export function rowData(app: JupyterFrontEnd, ...kinds: string[]): Record<string, string> | null {
  const node = app.contextMenuHitTest(one => kinds.includes(one.dataset.kind ?? ''));
  return node ? { ...(node.dataset as Record<string, string>) } : null;
}

/** A command of rows: with arguments it is for those, without for the row that the context menu was opened on. */
export interface IRowCommand {
  id: string;
  label: string;
  caption?: string;
  kinds: readonly string[];
  /** Names of its arguments. */
  takes: readonly string[];
  rank: number;
  isEnabled?(data: Record<string, string>): boolean;
  execute(data: Record<string, string>): unknown;
}

export function addRowCommand(app: JupyterFrontEnd, command: IRowCommand): void {
  const given = (args: ReadonlyPartialJSONObject): Record<string, string> | null => {
    const some = command.takes.filter(name => args[name] !== undefined);
    return some.length > 0
      ? Object.fromEntries(some.map(name => [name, String(args[name])]))
      : rowData(app, ...command.kinds);
  };
  app.commands.addCommand(command.id, {
    label: command.label,
    caption: command.caption,
    isEnabled: args => {
      const data = given(args);
      return data !== null && (command.isEnabled?.(data) ?? true);
    },
    describedBy: {
      args: {
        type: 'object',
        properties: Object.fromEntries(command.takes.map(name => [name, { type: 'string' }]))
      }
    },
    execute: async args => {
      const data = given(args);
      if (data) {
        await command.execute(data);
      }
    }
  });
  for (const kind of command.kinds) {
    app.contextMenu.addItem({ command: command.id, selector: `.aml-Row[data-kind="${kind}"]`, rank: command.rank });
  }
}

/** Put the name of what a row stands for on the clipboard. */
export function addCopyName(
  app: JupyterFrontEnd,
  id: string,
  kinds: readonly string[],
  trans: TranslationBundle
): void {
  addRowCommand(app, {
    id,
    label: trans.__('Copy Name'),
    kinds,
    takes: ['name'],
    rank: 8,
    execute: data => navigator.clipboard.writeText(data.path || data.name || data.datastore)
  });
}
