import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import { environmentCode } from '../notebook/snippets';
import { ISections, IWorkspaceClient } from '../tokens';
import { addCopyName, addRowCommand, beginNoun, thingPages } from './nouns';

const OWN = ['environment', 'environment-version'];
const KINDS = [...OWN, 'curated'];

/** Environments in the sidebar, and their pages. */
export const environments: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-aml:environments',
  description: 'Shows environments in the sidebar, and opens one as a page: packages, versions, definition.',
  autoStart: true,
  requires: [IWorkspaceClient, ISections],
  optional: [ITranslator, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    client: IWorkspaceClient,
    sections: ISections,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null
  ) => {
    const { trans, openRun, insert, sure, told } = beginNoun(app, client, sections, translator, {
      id: 'environments',
      rank: 50,
      label: trans => trans.__('Environments'),
      code: () => import('../panels/environments')
    });

    const sureOf = (name: string, version: number | string) =>
      sure(
        trans.__('Delete version %1 of the environment “%2”?', version, name),
        trans.__('Runs that were executed in it keep their own description of it. Other versions stay.'),
        trans.__('Delete')
      );

    const open = thingPages(app, {
      noun: 'environment',
      command: CommandIDs.openEnvironment,
      restorer,
      keyOf: args => String(args.name ?? ''),
      argsOf: args => ({ name: String(args.name) }),
      make: async (args, close) => {
        const { environmentContent } = await import('../pages/environments');
        const page = environmentContent(
          client,
          String(args.name),
          args.version,
          {
            openRun,
            insert,
            remove: async model => {
              const thing = model.thing;
              const last = thing?.versions.length === 1;
              if (thing && (await sureOf(thing.name, thing.version)) && (await model.remove()) && last) {
                close();
              }
            }
          },
          trans
        );
        return page;
      }
    });
    addRowCommand(app, {
      id: CommandIDs.openEnvironment,
      label: trans.__('Open Environment'),
      kinds: KINDS,
      takes: ['name', 'version'],
      rank: 1,
      execute: ({ name, version, kind }) => open(kind === 'environment' ? { name } : { name, version })
    });
    addRowCommand(app, {
      id: CommandIDs.useEnvironment,
      label: trans.__('Use in the Notebook'),
      kinds: KINDS,
      takes: ['name', 'version'],
      rank: 2,
      execute: ({ name, version }) => insert(environmentCode(name, version || null, client.workspace))
    });
    addRowCommand(app, {
      id: CommandIDs.deleteEnvironment,
      label: trans.__('Delete this Version…'),
      kinds: OWN,
      takes: ['name', 'version'],
      rank: 9,
      execute: async ({ name, version }) => {
        if (await sureOf(name, version)) {
          await told(client.ask(`environments/${encodeURIComponent(name)}/versions/${version}`, {}, 'DELETE'));
        }
      }
    });
    addCopyName(app, CommandIDs.copyEnvironmentName, KINDS, trans);
  }
};
