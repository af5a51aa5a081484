import { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

/** The code of a page, which is fetched when it is first opened. Null, and told, where it cannot be had. */
export async function fetched<T>(load: () => Promise<T>, trans: TranslationBundle): Promise<T | null> {
  try {
    return await load();
  } catch {
    Notification.error(
      trans.__(
        'This page could not be fetched from the Jupyter server. Is it running? If the extension was upgraded, reload this browser tab.'
      ),
      { autoClose: 10_000 }
    );
    return null;
  }
}

/** Show a page: in the main area, or beside it where that holds one document only (Notebook 7). */
export function settle(shell: JupyterFrontEnd.IShell, page: Widget): void {
  if (!page.isAttached) {
    shell.add(page, 'main');
    if (page.parent === null) {
      shell.add(page, 'right');
    }
  }
  shell.activateById(page.id);
}
