/** What the SDK's structured metrics mean as drawings. */
import { IPlotLine } from './plots';

type Data = Record<string, unknown>;

function numbers(given: unknown): number[] | null {
  return Array.isArray(given) && given.length > 0 && given.every(one => typeof one === 'number') ? given : null;
}

/** The `data` of a logged object; null when it has none. */
export function dataOf(given: unknown): Data | null {
  const data = (given as { data?: unknown } | null | undefined)?.data;
  return typeof data === 'object' && data !== null ? (data as Data) : null;
}

/** Residuals: edges and counts of a histogram; null when they do not fit each other. */
export function residuals(data: Data): { edges: number[]; counts: number[] } | null {
  const edges = numbers(data.bin_edges);
  const counts = numbers(data.bin_counts);
  return edges && counts && edges.length === counts.length + 1 ? { edges, counts } : null;
}

/** Predicted against true values, with the ideal line. */
export function predictions(data: Data): IPlotLine[] | null {
  const averages = numbers(data.bin_averages);
  const edges = numbers(data.bin_edges);
  if (!averages || !edges || edges.length !== averages.length + 1) {
    return null;
  }
  const middle = averages.map((_, index) => (edges[index] + edges[index + 1]) / 2);
  return [
    { points: middle.map(at => [at, at]), reference: true },
    { points: averages.map((at, index) => [middle[index], at]), errors: numbers(data.bin_errors) ?? undefined }
  ];
}

/** ROC curves of an accuracy table: one for each class, and the diagonal. Its rows are [TP, FP, TN, FN]. */
export function roc(data: Data): { lines: IPlotLine[]; labels: string[] } | null {
  const tables = data.probability_tables;
  if (!Array.isArray(tables) || tables.length === 0) {
    return null;
  }
  const lines: IPlotLine[] = [
    {
      points: [
        [0, 0],
        [1, 1]
      ],
      reference: true
    }
  ];
  for (const table of tables) {
    const rows = Array.isArray(table) ? table.map(numbers) : [];
    const points = rows
      .filter((row): row is number[] => row !== null && row.length === 4)
      .map(([tp, fp, tn, fn]): [number, number] => [fp / Math.max(1, fp + tn), tp / Math.max(1, tp + fn)])
      .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    if (points.length > 0) {
      lines.push({ points });
    }
  }
  const labels = Array.isArray(data.class_labels) ? data.class_labels.map(String) : [];
  return lines.length > 1 ? { lines, labels } : null;
}
