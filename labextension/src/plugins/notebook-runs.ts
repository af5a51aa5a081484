import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, Notification, showDialog } from '@jupyterlab/apputils';
import { PageConfig, PathExt } from '@jupyterlab/coreutils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import { explained } from '../components/problem';
import { title } from '../format';
import { amlIcon } from '../icons';
import { declared, needs, reproduce, start } from '../notebook/api';
import { AsItRanHeader } from '../notebook/as-it-ran';
import { DRIVE, RunDrive, asItRanPath } from '../notebook/drive';
import { askParameters } from '../notebook/run-form';
import { IWorkspaceClient } from '../tokens';

/** Nothing starts a kernel for what only shows what was. */
const NO_KERNEL = { shouldStart: false, canStart: false, autoStartDefault: false };

/** Notebooks as runs: execute one in the background, open one as it ran, run one again. */
export const notebookRuns: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-aml:notebook-runs',
  description: 'Executes notebooks as runs in the background, opens them as they ran, and reproduces them.',
  autoStart: true,
  requires: [IWorkspaceClient],
  optional: [INotebookTracker, IDocumentManager, IDefaultFileBrowser, ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    client: IWorkspaceClient,
    notebooks: INotebookTracker | null,
    documents: IDocumentManager | null,
    files: IDefaultFileBrowser | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyter_aml');
    const { commands } = app;
    const category = trans.__('Experiments');
    const openRun = (id: string) => commands.execute(CommandIDs.openRun, { id });
    /** Errors are told, and end what was begun. */
    const telling = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await work();
      } catch (error) {
        Notification.error(explained(error as Error, trans), { autoClose: 10_000 });
        return undefined;
      }
    };

    // -- as it ran ---------------------------------------------------------------------------------------------------
    app.serviceManager.contents.addDrive(new RunDrive(client, app.serviceManager.serverSettings));
    // JupyterLab's address names the document that is open. It would look for this one in the file browser, and leave
    // that empty; so the address is taken back and the document opened here.
    const address = new RegExp(`^(.*)/tree/${DRIVE}:([^/]+)/`).exec(decodeURIComponent(window.location.pathname));
    if (address) {
      const [, base, id] = address;
      window.history.replaceState({}, '', base + window.location.search);
      PageConfig.setOption('treePath', '');
      void app.restored.then(() => commands.execute(CommandIDs.openAsItRan, { id }));
    }
    const dress = (panel: NotebookPanel) => {
      if (panel.context.path.startsWith(`${DRIVE}:`)) {
        panel.sessionContext.kernelPreference = { ...panel.sessionContext.kernelPreference, ...NO_KERNEL };
        const id = panel.context.localPath.split('/')[0];
        panel.contentHeader.addWidget(
          new AsItRanHeader(
            {
              openRun: () => void openRun(id),
              reproduce: () => void commands.execute(CommandIDs.reproduceRun, { id })
            },
            trans
          )
        );
        panel.addClass('aml-AsItRan');
      }
    };
    notebooks?.widgetAdded.connect((_, panel) => dress(panel));

    const ofRun = { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] };
    commands.addCommand(CommandIDs.openAsItRan, {
      label: trans.__('Open the Notebook as It Ran'),
      caption: trans.__('The sources and outputs of a run, as a document that cannot be changed'),
      describedBy: { args: ofRun },
      isEnabled: () => documents !== null,
      execute: args =>
        telling(async () => {
          const id = String(args.id);
          const run = await client.run(id);
          const name = PathExt.basename(String(run.details.notebook ?? '')) || 'notebook.ipynb';
          documents?.openOrReveal(
            asItRanPath(id, name),
            'Notebook',
            undefined,
            {},
            {
              ...NO_KERNEL
            }
          );
        })
    });

    // -- again -------------------------------------------------------------------------------------------------------
    const begun = (id: string, folder: string) => {
      Notification.success(trans.__('Restored to %1; it runs.', folder), {
        autoClose: 8000,
        actions: [
          {
            label: trans.__('Show the folder'),
            callback: () => void commands.execute('filebrowser:open-path', { path: folder, dontShowBrowser: false })
          }
        ]
      });
      return openRun(id);
    };
    commands.addCommand(CommandIDs.reproduceRun, {
      label: trans.__('Reproduce'),
      caption: trans.__('Restore the snapshot to a new folder and run the notebook again with the same parameters'),
      describedBy: { args: ofRun },
      execute: args =>
        telling(async () => {
          const id = String(args.id);
          const wanted = await needs(client, id);
          if (wanted.parameters.some(one => one.required)) {
            return commands.execute(CommandIDs.resubmitRun, { id });
          }
          const run = await client.run(wanted.run);
          const sure = await showDialog({
            title: trans.__('Reproduce “%1”?', title(run)),
            body: trans.__(
              'Its snapshot is restored to a new folder below outputs/reproduced, and its notebook runs there with the same parameters, as a new run.'
            ),
            buttons: [
              Dialog.cancelButton({ label: trans.__('Cancel') }),
              Dialog.okButton({ label: trans.__('Reproduce') })
            ]
          });
          if (sure.button.accept) {
            // Large snapshots take their time.
            const waiting = Notification.emit(trans.__('The snapshot is being restored…'), 'in-progress', {
              autoClose: false
            });
            try {
              const made = await reproduce(client, id);
              await begun(made.run, made.folder);
            } finally {
              Notification.dismiss(waiting);
            }
          }
        })
    });
    commands.addCommand(CommandIDs.resubmitRun, {
      label: trans.__('Run Again with Changed Parameters…'),
      caption: trans.__('Restore the snapshot to a new folder and run the notebook there with other parameters'),
      describedBy: { args: ofRun },
      execute: args =>
        telling(async () => {
          const id = String(args.id);
          const wanted = await needs(client, id);
          const made = await askParameters(
            {
              title: trans.__('Run Again'),
              accept: trans.__('Run'),
              hint:
                wanted.parameters.length > 0
                  ? trans.__('Its snapshot is restored to a new folder, and the notebook runs there with these values.')
                  : trans.__('This notebook took no parameters: it runs again as it is.'),
              parameters: wanted.parameters,
              others: []
            },
            filled => reproduce(client, id, filled.texts),
            trans
          );
          if (made) {
            await begun(made.run, made.folder);
          }
        })
    });

    // -- in the background -------------------------------------------------------------------------------------------
    const chosen = (): string => {
      const selected = files ? [...files.selectedItems()].find(item => item.type === 'notebook') : undefined;
      return selected?.path ?? '';
    };
    commands.addCommand(CommandIDs.runNotebook, {
      label: args => (args.file ? trans.__('Run as AML Notebook Run…') : trans.__('Run Notebook as a Run…')),
      caption: trans.__('Execute the notebook in the background, as a run with parameters'),
      icon: args => (args.isPalette ? undefined : amlIcon),
      describedBy: {
        args: { type: 'object', properties: { path: { type: 'string' }, file: { type: 'boolean' } } }
      },
      execute: args =>
        telling(async () => {
          const path =
            typeof args.path === 'string'
              ? args.path
              : args.file
                ? chosen()
                : (notebooks?.currentWidget?.context.localPath ?? '');
          if (!path) {
            Notification.info(trans.__('Open or select a notebook first.'), { autoClose: 4000 });
            return;
          }
          const open = notebooks?.find(panel => panel.context.localPath === path);
          if (open?.context.model.dirty) {
            await open.context.save();
          }
          const found = await declared(client, path);
          const id = await askParameters(
            {
              title: trans.__('Run %1', PathExt.basename(path)),
              accept: trans.__('Run'),
              hint: hint(found.readable, found.parameters.length),
              parameters: found.parameters,
              others: [
                { name: 'experiment', label: trans.__('Experiment'), value: found.experiment },
                { name: 'name', label: trans.__('Name of the run'), value: '', placeholder: PathExt.basename(path) },
                {
                  name: 'output',
                  label: trans.__('Executed notebook'),
                  value: '',
                  placeholder: trans.__('kept with the run only')
                }
              ]
            },
            filled => start(client, { path, texts: filled.texts, ...filled.others }),
            trans
          );
          if (id) {
            Notification.success(trans.__('%1 runs. It goes on when this page is closed.', PathExt.basename(path)), {
              autoClose: 5000
            });
            await openRun(id);
          }
        })
    });
    const hint = (readable: boolean, count: number): string => {
      if (!readable) {
        return trans.__('The parameters cell cannot be read, so it runs with its defaults.');
      }
      return count > 0
        ? ''
        : trans.__(
            'This notebook has no cell tagged “parameters”: it runs as it is. Tag the cell that holds defaults to change them here.'
          );
    };
    palette?.addItem({ command: CommandIDs.runNotebook, category, args: { isPalette: true } });
  }
};
