import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';

import { explained } from '../../components/problem';
import { title } from '../../format';
import { IRow } from '../../wire';
import { ExperimentModel, IEdit, IOutcome } from './model';

/** Names that a question repeats. */
const NAMED = 8;

/** Where an experiment's page can lead. */
export interface IExperimentActions {
  openRun(id: string): void;
  compare(ids: string[]): void;
}

/** Delete runs after a question that names them. */
export async function removeRuns(
  model: ExperimentModel,
  rows: readonly IRow[],
  trans: TranslationBundle
): Promise<void> {
  const names = rows.slice(0, NAMED).map(title);
  const more = rows.length - names.length;
  const result = await showDialog({
    title: trans._n('Delete %1 run?', 'Delete %1 runs?', rows.length),
    body: trans.__(
      '%1\n\nThey are deleted with their metrics, their files and the runs below them. This cannot be undone.',
      [...names, ...(more > 0 ? [trans.__('and %1 more', more)] : [])].join('\n')
    ),
    buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Delete') })],
    defaultButton: 0
  });
  if (result.button.accept) {
    tell(await model.remove(rows), trans.__('deleted'), trans);
  }
}

export async function cancelRuns(
  model: ExperimentModel,
  rows: readonly IRow[],
  trans: TranslationBundle
): Promise<void> {
  tell(await model.cancel(rows), trans.__('canceled'), trans);
}

/** Put runs away, or take them back; nothing is deleted. */
export async function archiveRuns(
  model: ExperimentModel,
  rows: readonly IRow[],
  away: boolean,
  trans: TranslationBundle
): Promise<void> {
  tell(await model.putAway(rows, away), away ? trans.__('archived') : trans.__('restored'), trans);
}

export async function editRun(model: ExperimentModel, row: IRow, edit: IEdit, trans: TranslationBundle): Promise<void> {
  try {
    await model.edit(row, edit);
  } catch (error) {
    Notification.error(trans.__('%1 was not changed. %2', title(row), explained(error as Error, trans)), {
      autoClose: 8000
    });
  }
}

/** Say what could not be done; what could is seen. */
function tell(outcome: IOutcome, verb: string, trans: TranslationBundle): void {
  if (outcome.failed.length > 0) {
    const first = outcome.failed[0];
    Notification.error(
      trans._n(
        '%1 run was not %2. %3: %4',
        '%1 runs were not %2. %3: %4',
        outcome.failed.length,
        verb,
        first.name,
        explained(first.error, trans)
      ),
      { autoClose: 10000 }
    );
  }
}
