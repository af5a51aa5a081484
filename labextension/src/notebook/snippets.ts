/** Code that a notebook gets when something of the workspace is to be used in it. */

/** A text as Python writes it: JSON's escapes are Python's, too. */
function literal(text: string): string {
  return JSON.stringify(text);
}

/** The workspace that is shown; "" for the one that a notebook has anyway. */
function workspace(name: string): string {
  return name ? `Workspace.get(${literal(name)})` : 'Workspace.from_config()';
}

export function modelCode(name: string, version: number | string, shown: string): string {
  return [
    'from jupyter_aml import Model, Workspace',
    '',
    `model = Model(${workspace(shown)}, ${literal(name)}, version=${version})`,
    'path = model.download(exist_ok=True)',
    'path'
  ].join('\n');
}

export function datasetCode(name: string, version: number | string, type: string, shown: string): string {
  const use =
    type === 'tabular'
      ? ['frame = dataset.to_pandas_dataframe()', 'frame.head()']
      : ['files = dataset.to_path()', 'files'];
  return [
    'from jupyter_aml import Dataset, Workspace',
    '',
    `dataset = Dataset.get_by_name(${workspace(shown)}, ${literal(name)}, version=${version})`,
    ...use
  ].join('\n');
}

/** A file of a datastore: as a table where its name says that it is one. */
export function fileCode(datastore: string, path: string, shown: string): string {
  const ending = /\.([a-z0-9]+)$/i.exec(path)?.[1].toLowerCase() ?? '';
  const reader: Record<string, string> = {
    csv: 'Tabular.from_delimited_files',
    tsv: 'Tabular.from_delimited_files',
    parquet: 'Tabular.from_parquet_files',
    jsonl: 'Tabular.from_json_lines_files',
    ndjson: 'Tabular.from_json_lines_files'
  };
  const how = reader[ending] ?? 'File.from_files';
  const more = ending === 'tsv' ? ', separator="\\t"' : '';
  return [
    'from jupyter_aml import Dataset, Datastore, Workspace',
    '',
    `datastore = Datastore.get(${workspace(shown)}, ${literal(datastore)})`,
    `dataset = Dataset.${how}((datastore, ${literal(path)})${more})`,
    how.startsWith('Tabular') ? 'dataset.take(5).to_pandas_dataframe()' : 'dataset.to_path()'
  ].join('\n');
}

export function datastoreCode(name: string, shown: string): string {
  return [
    'from jupyter_aml import Datastore, Workspace',
    '',
    `datastore = Datastore.get(${workspace(shown)}, ${literal(name)})`,
    'datastore'
  ].join('\n');
}

export function environmentCode(name: string, version: string | null, shown: string): string {
  const which = version === null ? '' : `, version=${literal(version)}`;
  return [
    'from jupyter_aml import Environment, ScriptRunConfig, Workspace',
    '',
    `environment = Environment.get(${workspace(shown)}, ${literal(name)}${which})`,
    'config = ScriptRunConfig(source_directory=".", script="train.py", environment=environment)'
  ].join('\n');
}

export function computeCode(name: string, shown: string): string {
  return [
    'from jupyter_aml import ComputeTarget, Experiment, ScriptRunConfig, Workspace',
    '',
    `workspace = ${workspace(shown)}`,
    `target = ComputeTarget(workspace, ${literal(name)})`,
    'config = ScriptRunConfig(source_directory=".", script="train.py", compute_target=target)',
    'run = Experiment(workspace, "my-experiment").submit(config)'
  ].join('\n');
}
