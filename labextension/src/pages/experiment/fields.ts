/** Names of a run's fields, as the language of filters writes them (docs/filters.md). */
import { IField } from '../../wire';

/** Fields that every run has, and whether they are compared as text. */
export const BASIC: Record<string, 'text' | 'number' | 'time' | 'duration'> = {
  name: 'text',
  status: 'text',
  type: 'text',
  user: 'text',
  host: 'text',
  description: 'text',
  id: 'text',
  parent: 'text',
  experiment: 'text',
  number: 'number',
  created: 'time',
  started: 'time',
  ended: 'time',
  duration: 'duration'
};

export const STATUSES = [
  'NotStarted',
  'Queued',
  'Preparing',
  'Starting',
  'Running',
  'Finalizing',
  'CancelRequested',
  'Completed',
  'Failed',
  'Canceled'
];

const PLAIN = /^[+-]?\.?[\p{L}\p{N}_][\p{L}\p{N}_.\-+:/@]*$/u;
const KEYWORDS = new Set(['and', 'or', 'not', 'in', 'contains', 'is', 'null', 'true', 'false', 'ago']);
const SUFFIX = /\.(last|min|max)$/;

/** A text in quotes. */
export function quoted(text: string): string {
  return `"${text.replace(/"/g, '""')}"`;
}

/** A field as a filter writes it: names with other characters are quoted. */
export function fieldText(field: string): string {
  const dot = field.indexOf('.');
  if (dot < 0) {
    return field;
  }
  const space = field.slice(0, dot);
  const name = field.slice(dot + 1);
  if (PLAIN.test(name) && !KEYWORDS.has(name.toLowerCase())) {
    return field;
  }
  const suffix = space === 'metrics' ? (SUFFIX.exec(name)?.[0] ?? '') : '';
  return `${space}.${quoted(name.slice(0, name.length - suffix.length))}${suffix}`;
}

/** A value as a filter writes it. */
export function valueText(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') {
    return String(value);
  }
  return quoted(typeof value === 'string' ? value : JSON.stringify(value));
}

/** The filter for runs of a group. */
export function groupFilter(by: string, value: unknown): string {
  return value === null ? `${fieldText(by)} is null` : `${fieldText(by)} = ${valueText(value)}`;
}

/** The filter for runs of none of these groups. */
export function otherFilter(by: string, values: readonly unknown[]): string {
  const some = values.filter(value => value !== null);
  const field = fieldText(by);
  return `${field} is not null and not ${field} in (${some.map(valueText).join(', ')})`;
}

/** What a column is called: the name alone for parameters, metrics and tags. */
export function shortName(field: string): string {
  const dot = field.indexOf('.');
  return dot < 0 ? field : field.slice(dot + 1);
}

/** Columns that are shown as long as nothing else was chosen. */
export function defaultColumns(fields: readonly IField[]): string[] {
  const some = (space: string, count: number) =>
    fields
      .filter(one => one.field.startsWith(`${space}.`) && !one.field.startsWith('metrics.system/'))
      .slice(0, count)
      .map(one => one.field);
  return ['name', 'status', ...some('metrics', 4), ...some('params', 4), 'created', 'duration', 'tags', 'description'];
}
