/** Ids of our commands, `aml:verb-noun`. */
export const CommandIDs = {
  openRun: 'aml:open-run',
  jumpToCell: 'aml:jump-to-cell',
  toggleTracking: 'aml:toggle-tracking',
  showRuns: 'aml:show-runs'
} as const;
