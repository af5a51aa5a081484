/** What runs have in common and in what they differ: no DOM. */
import { ITick } from '../../components/scale';
import { IRun } from '../../wire';

export type Space = 'params' | 'metrics' | 'tags';

/** A name, and what each of the runs has under it. */
export interface ICompared {
  name: string;
  values: unknown[];
  differs: boolean;
}

function valueOf(run: IRun, space: Space, name: string): unknown {
  return space === 'metrics' ? run.metrics[name]?.last : run[space][name];
}

/** All names of a space: those in which the runs differ first, else by name. */
export function compared(runs: readonly IRun[], space: Space): ICompared[] {
  const names = new Set(runs.flatMap(run => Object.keys(run[space])));
  const rows = [...names].map((name): ICompared => {
    const values = runs.map(run => valueOf(run, space, name));
    const first = JSON.stringify(values[0] ?? null);
    return { name, values, differs: values.some(value => JSON.stringify(value ?? null) !== first) };
  });
  // Metrics of tables and images have no value of their own.
  const shown = space === 'metrics' ? rows.filter(row => row.values.some(value => (value ?? null) !== null)) : rows;
  return shown.sort((a, b) => Number(b.differs) - Number(a.differs) || a.name.localeCompare(b.name));
}

/** A field on an axis: numbers as they are; texts beside each other, in their order. */
export interface IAxis {
  field: string;
  /** One for each run; null for a run that has none. */
  places: (number | null)[];
  /** Only where there are texts. */
  ticks?: ITick[];
}

export function axisOf(runs: readonly IRun[], field: string): IAxis {
  const dot = field.indexOf('.');
  const space = field.slice(0, dot) as Space;
  const values = runs.map(run => valueOf(run, space, field.slice(dot + 1)) ?? null);
  const numbers = values.every(value => value === null || typeof value === 'number' || isNoNumber(value));
  if (numbers) {
    return { field, places: values.map(value => (typeof value === 'number' ? value : null)) };
  }
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  const order = [...new Set(values.filter(value => value !== null).map(text))].sort((a, b) =>
    a.localeCompare(b, undefined, { numeric: true })
  );
  return {
    field,
    places: values.map(value => (value === null ? null : order.indexOf(text(value)))),
    ticks: order.map((label, at) => ({ at, label }))
  };
}

function isNoNumber(value: unknown): boolean {
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity';
}

/** Fields that can be axes: those with more than one place first. */
export function axisFields(runs: readonly IRun[]): string[] {
  const of = (space: Space) =>
    compared(runs, space).map(row => ({ field: `${space}.${row.name}`, differs: row.differs }));
  const all = [...of('params'), ...of('metrics'), ...of('tags')];
  return [...all.filter(one => one.differs), ...all.filter(one => !one.differs)].map(one => one.field);
}

/** The axes that are shown first: parameters that differ, and metrics. */
export function firstAxes(runs: readonly IRun[]): string[] {
  const of = (space: Space, most: number) =>
    compared(runs, space)
      .filter(row => row.differs && !row.name.startsWith('system/'))
      .slice(0, most)
      .map(row => `${space}.${row.name}`);
  return [...of('params', 5), ...of('metrics', 3)];
}

/** Metrics that at least one of the runs has several points of. */
export function drawnMetrics(runs: readonly IRun[]): string[] {
  const names = new Set<string>();
  for (const run of runs) {
    for (const metric of Object.values(run.metrics)) {
      if ((metric.kind === 'scalar' || metric.kind === 'list') && metric.count > 1) {
        names.add(metric.name);
      }
    }
  }
  return [...names].sort((a, b) => a.localeCompare(b));
}
