import { TranslationBundle } from '@jupyterlab/translation';

import { datasetCode } from '../../notebook/snippets';
import { IWorkspaceClient } from '../../tokens';
import { ThingContent, versionOf } from '../assets/content';
import { ThingModel } from '../assets/model';
import { IData, datasets } from './model';
import { DataLineage, DataOverview, Preview, Profile } from './tabs';

/** Where a dataset's page can lead, and what it can have done. */
export interface IDataActions {
  openRun(id: string): void;
  insert(code: string): void;
  /** Ask, then take the name away. */
  remove(model: ThingModel<IData>): void;
}

/** The page of a dataset. */
export function dataContent(
  client: IWorkspaceClient,
  name: string,
  version: unknown,
  actions: IDataActions,
  trans: TranslationBundle
): ThingContent<IData> {
  const model = new ThingModel(client, datasets, name, versionOf(version));
  return new ThingContent({
    model,
    kind: trans.__('Dataset'),
    tabs: thing => [
      { key: 'preview', label: trans.__('Preview'), content: Preview },
      ...(thing.dataset.type === 'tabular' ? [{ key: 'profile', label: trans.__('Profile'), content: Profile }] : []),
      { key: 'lineage', label: trans.__('Lineage'), content: DataLineage },
      { key: 'overview', label: trans.__('About'), content: DataOverview }
    ],
    actions: thing => (
      <>
        <button
          className="aml-Button"
          onClick={() => actions.insert(datasetCode(thing.name, thing.version, thing.dataset.type, client.workspace))}
        >
          {trans.__('Use in notebook')}
        </button>
        <span className="aml-Page-space" />
        <button className="aml-Button" onClick={() => actions.remove(model)}>
          {trans.__('Unregister…')}
        </button>
      </>
    ),
    openRun: id => actions.openRun(id),
    trans
  });
}
