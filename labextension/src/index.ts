/** JupyterLab's door to jupyter_aml: the list of plugins and nothing else. */
import { badges } from './plugins/badges';
import { client } from './plugins/client';
import { compare } from './plugins/compare';
import { experiments } from './plugins/experiments';
import { launcher } from './plugins/launcher';
import { notebookRuns } from './plugins/notebook-runs';
import { pages } from './plugins/pages';
import { runs } from './plugins/runs';
import { status } from './plugins/status';
import { tracking } from './plugins/tracking';

export * from './tokens';

export default [client, runs, pages, experiments, compare, tracking, badges, notebookRuns, launcher, status];
