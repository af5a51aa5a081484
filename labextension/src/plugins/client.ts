import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { WorkspaceClient } from '../client';
import { IWorkspaceClient } from '../tokens';

/** One client for all of the extension, and for others. */
export const client: JupyterFrontEndPlugin<IWorkspaceClient> = {
  id: 'jupyter-aml:client',
  description: 'Provides the workspace that the Jupyter server serves.',
  autoStart: true,
  provides: IWorkspaceClient,
  activate: (app: JupyterFrontEnd) => new WorkspaceClient(app.serviceManager.serverSettings, app.restored)
};
