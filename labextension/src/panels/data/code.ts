import { datasetCode, datastoreCode, fileCode } from '../../notebook/snippets';

/** The cell that uses what a row stands for; null for a row that is no data. */
export function codeOf(node: { kind: string; data: Record<string, string> }, workspace: string): string | null {
  const { data } = node;
  return node.kind === 'dataset'
    ? datasetCode(data.name, data.version, data.type, workspace)
    : node.kind === 'datastore'
      ? datastoreCode(data.datastore, workspace)
      : node.kind === 'file' || node.kind === 'folder'
        ? fileCode(data.datastore, data.path, workspace)
        : null;
}
