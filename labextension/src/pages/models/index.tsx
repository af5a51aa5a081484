import { TranslationBundle } from '@jupyterlab/translation';

import { modelCode } from '../../notebook/snippets';
import { IWorkspaceClient } from '../../tokens';
import { ThingContent, versionOf } from '../assets/content';
import { ThingModel } from '../assets/model';
import { IModel, aliasesOf, models } from './model';
import { ModelFiles, ModelLineage, ModelOverview, ModelVersions } from './tabs';

/** Where a model's page can lead, and what it can have done. */
export interface IModelActions {
  openRun(id: string): void;
  insert(code: string): void;
  /** Ask, then delete the version that is shown. */
  remove(model: ThingModel<IModel>): void;
}

/** The page of a model. */
export function modelContent(
  client: IWorkspaceClient,
  name: string,
  version: unknown,
  actions: IModelActions,
  trans: TranslationBundle
): ThingContent<IModel> {
  const model = new ThingModel(client, models, name, versionOf(version));
  return new ThingContent({
    model,
    kind: trans.__('Model'),
    tabs: thing => [
      { key: 'overview', label: trans.__('Overview'), content: ModelOverview },
      { key: 'versions', label: `${trans.__('Versions')} ${thing.versions.length}`, content: ModelVersions },
      { key: 'files', label: `${trans.__('Files')} ${Object.keys(thing.asset.files).length}`, content: ModelFiles },
      { key: 'lineage', label: trans.__('Lineage'), content: ModelLineage }
    ],
    beside: thing =>
      aliasesOf(thing, thing.version).map(alias => (
        <span key={alias} className="aml-Tag aml-mod-fixed">
          {alias}
        </span>
      )),
    actions: thing => (
      <>
        <button
          className="aml-Button"
          onClick={() => actions.insert(modelCode(thing.name, thing.version, client.workspace))}
        >
          {trans.__('Use in notebook')}
        </button>
        <span className="aml-Page-space" />
        <button className="aml-Button" onClick={() => actions.remove(model)}>
          {trans.__('Delete version %1…', thing.version)}
        </button>
      </>
    ),
    openRun: id => actions.openRun(id),
    trans
  });
}
