/** JupyterLab's door to jupyter_aml: the list of plugins and nothing else. */
import { client } from './plugins/client';
import { pages } from './plugins/pages';
import { runs } from './plugins/runs';
import { tracking } from './plugins/tracking';

export * from './tokens';

export default [client, runs, pages, tracking];
