/** Ids of our commands, `aml:verb-noun`. */
export const CommandIDs = {
  openRun: 'aml:open-run',
  openExperiment: 'aml:open-experiment',
  compareRuns: 'aml:compare-runs',
  copyRunIds: 'aml:copy-run-ids',
  cancelRuns: 'aml:cancel-runs',
  deleteRuns: 'aml:delete-runs',
  jumpToCell: 'aml:jump-to-cell',
  toggleTracking: 'aml:toggle-tracking',
  showRuns: 'aml:show-runs',
  showHistory: 'aml:show-history',
  openCellRun: 'aml:open-cell-run',
  openAsItRan: 'aml:open-as-it-ran',
  reproduceRun: 'aml:reproduce-run',
  resubmitRun: 'aml:resubmit-run',
  runNotebook: 'aml:run-notebook',
  newTrackedNotebook: 'aml:new-tracked-notebook'
} as const;
