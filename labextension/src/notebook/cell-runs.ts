/** What is fetched when the first notebook is opened: badges below its cells, and the history of one. */
export { NotebookBadges } from './badge';
export { NotebookCells } from './cells-model';
export { History } from './history';
export { HistoryModel } from './history-model';
