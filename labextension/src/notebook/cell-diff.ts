/** Two notebooks laid over each other, cell by cell. */

/** A cell as it is compared: what it says, and what it showed. */
export interface ICell {
  id: string;
  kind: string;
  source: string;
  /** What it showed, as text. */
  output: string;
  /** Pictures that it showed, as `data:` addresses. */
  images: string[];
}

export interface ICellPair {
  state: 'same' | 'changed' | 'added' | 'removed';
  before: ICell | null;
  after: ICell | null;
}

/** Shared lines of two sources from which they count as one cell that was edited. */
const ALIKE = 0.5;
/** Pairs of cells that are weighed; beyond, cells are matched by their place. */
const MOST = 250_000;

type Json = Record<string, unknown>;

function joined(text: unknown): string {
  return Array.isArray(text) ? text.join('') : typeof text === 'string' ? text : '';
}

/** The cells of a notebook document; none when it is no notebook. */
export function cellsOf(content: unknown): ICell[] {
  const cells = (content as { cells?: unknown } | null)?.cells;
  return (Array.isArray(cells) ? (cells as Json[]) : []).map(cell => {
    const known = (cell.metadata as { jupyter_aml?: { cell_id?: unknown } } | undefined)?.jupyter_aml?.cell_id;
    const outputs = Array.isArray(cell.outputs) ? (cell.outputs as Json[]) : [];
    return {
      id: String(known ?? cell.id ?? ''),
      kind: String(cell.cell_type ?? ''),
      source: joined(cell.source),
      output: outputs.map(textOf).filter(Boolean).join('\n'),
      images: outputs.flatMap(imageOf)
    };
  });
}

function textOf(output: Json): string {
  if (output.output_type === 'stream') {
    return joined(output.text).trimEnd();
  }
  if (output.output_type === 'error') {
    return `${String(output.ename)}: ${String(output.evalue)}`;
  }
  return joined((output.data as Json | undefined)?.['text/plain']).trimEnd();
}

function imageOf(output: Json): string[] {
  const data = (output.data ?? {}) as Json;
  for (const type of ['image/png', 'image/jpeg']) {
    if (data[type]) {
      return [`data:${type};base64,${joined(data[type]).replace(/\s/g, '')}`];
    }
  }
  return [];
}

/** Which cell of one notebook is which of the other, in the order in which they are read. */
export function cellDiff(before: readonly ICell[], after: readonly ICell[]): ICellPair[] {
  const n = before.length;
  const m = after.length;
  if (n * m > MOST) {
    return Array.from({ length: Math.max(n, m) }, (_, at) => pair(before[at] ?? null, after[at] ?? null));
  }
  const lines = (cell: ICell) => new Set(cell.source.split('\n').map(line => line.trim()));
  const left = before.map(lines);
  const right = after.map(lines);
  const width = m + 1;
  const best = new Float64Array((n + 1) * width);
  const weights = new Float64Array(n * m);
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      const weight = (weights[i * m + j] = match(before[i], after[j], left[i], right[j]));
      best[i * width + j] = Math.max(
        weight > 0 ? weight + best[(i + 1) * width + j + 1] : 0,
        best[(i + 1) * width + j],
        best[i * width + j + 1]
      );
    }
  }
  const found: ICellPair[] = [];
  let i = 0;
  let j = 0;
  while (i < n && j < m) {
    const weight = weights[i * m + j];
    if (weight > 0 && best[i * width + j] === weight + best[(i + 1) * width + j + 1]) {
      found.push(pair(before[i++], after[j++]));
    } else if (best[i * width + j] === best[(i + 1) * width + j]) {
      found.push(pair(before[i++], null));
    } else {
      found.push(pair(null, after[j++]));
    }
  }
  return [...found, ...before.slice(i).map(cell => pair(cell, null)), ...after.slice(j).map(cell => pair(null, cell))];
}

/** How well two cells are one; 0 for not at all. */
function match(a: ICell, b: ICell, left: Set<string>, right: Set<string>): number {
  if (a.kind !== b.kind) {
    return 0;
  }
  const id = a.id !== '' && a.id === b.id ? 2 : 0;
  if (a.source === b.source) {
    return 2 + id;
  }
  const shared = [...left].filter(line => right.has(line)).length / Math.max(left.size, right.size);
  return shared >= ALIKE || id > 0 ? shared + id : 0;
}

function pair(before: ICell | null, after: ICell | null): ICellPair {
  const same =
    before?.source === after?.source &&
    before?.output === after?.output &&
    before?.images.join() === after?.images.join();
  return { state: !before ? 'added' : !after ? 'removed' : same ? 'same' : 'changed', before, after };
}
