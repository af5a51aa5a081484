/** JupyterLab's door to jupyter_aml: the list of plugins and nothing else. */
import { badges } from './plugins/badges';
import { client } from './plugins/client';
import { compare } from './plugins/compare';
import { compute } from './plugins/compute';
import { data } from './plugins/data';
import { environments } from './plugins/environments';
import { experiments } from './plugins/experiments';
import { insert } from './plugins/insert';
import { launcher } from './plugins/launcher';
import { models } from './plugins/models';
import { notebookRuns } from './plugins/notebook-runs';
import { pages } from './plugins/pages';
import { runs } from './plugins/runs';
import { status } from './plugins/status';
import { tracked } from './plugins/tracked';
import { tracking } from './plugins/tracking';
import { workspaces } from './plugins/workspaces';

export * from './tokens';

export default [
  client,
  runs,
  pages,
  experiments,
  compare,
  tracking,
  badges,
  notebookRuns,
  launcher,
  status,
  workspaces,
  insert,
  tracked,
  models,
  data,
  environments,
  compute
];
