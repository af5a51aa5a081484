import { expect, it } from 'vitest';

import { complete } from '../src/pages/experiment/complete';
import { defaultColumns, fieldText, groupFilter, otherFilter } from '../src/pages/experiment/fields';
import { readView } from '../src/pages/experiment/view';
import type { IField } from '../src/wire';

const field = (name: string, given: Partial<IField> = {}): IField => ({
  field: name,
  runs: 1,
  numeric: true,
  values: [],
  ...given
});
const FIELDS = [
  field('metrics.loss'),
  field('metrics.val/acc (top 5)'),
  field('params.lr', { values: ['0.1', '0.01'] }),
  field('params.optimizer', { numeric: false, values: ['adam', 'say "hi"'] })
];
const at = (text: string) => complete(text, text.length, FIELDS);
const texts = (text: string) => at(text).options.map(one => one.text);

it('offers fields at the beginning, after and, and within parentheses', () => {
  for (const before of ['', 'params.lr > 1 and ', 'not ', '(', 'status = Failed or (']) {
    expect(texts(before)).toContain('metrics.loss');
    expect(texts(before)).toContain('status');
  }
  expect(texts('los')[0]).toBe('metrics.loss');
  expect(at('params.lr > 1 and met').from).toBe(18);
});

it('quotes names that the language could not read otherwise', () => {
  expect(texts('val')).toEqual(['metrics."val/acc (top 5)"']);
  expect(texts('metrics."val/acc (top 5)" ')).toContain('<=');
  expect(fieldText('metrics.val/acc (top 5).max')).toBe('metrics."val/acc (top 5)".max');
  expect(fieldText('params.and')).toBe('params."and"');
});

it('offers operators that fit the field, then its values, then what joins', () => {
  expect(texts('metrics.loss ')).toContain('<');
  expect(texts('params.optimizer ')).toContain('contains');
  expect(texts('params.optimizer ')).not.toContain('<');
  expect(texts('status = ')).toContain('Failed');
  expect(texts('status in (Failed, ')).toContain('Completed');
  expect(texts('params.optimizer = ')).toEqual(['"adam"', '"say ""hi"""']);
  expect(texts('params.lr = ')).toEqual(['0.1', '0.01']);
  expect(texts('params.lr = 0.1 ')).toEqual(['and', 'or']);
  expect(texts('(params.lr = 0.1 ')).toContain(')');
  expect(texts('params.lr is ')).toEqual(['null', 'not null']);
});

it('offers nothing where the word is whole', () => {
  expect(texts('status')).not.toEqual(['status']);
  expect(texts('description')).toEqual([]);
});

it('twenty thousand names are completed, and few of them offered', () => {
  const many = Array.from({ length: 20_000 }, (_, i) => field(`metrics.m${i}`));
  expect(complete('m1999', 5, many).options[0].text).toBe('metrics.m1999');
  expect(complete('', 0, many).options.length).toBeLessThan(100);
});

it('groups are filters', () => {
  expect(groupFilter('params.lr', 0.1)).toBe('params.lr = 0.1');
  expect(groupFilter('tags.my kind', 'a "b"')).toBe('tags."my kind" = "a ""b"""');
  expect(groupFilter('params.lr', null)).toBe('params.lr is null');
  expect(otherFilter('params.lr', [1, 'x', null])).toBe('params.lr is not null and not params.lr in (1, "x")');
});

it('the first columns have a few metrics and parameters', () => {
  expect(defaultColumns(FIELDS)).toEqual([
    'name',
    'status',
    'metrics.loss',
    'metrics.val/acc (top 5)',
    'params.lr',
    'params.optimizer',
    'created',
    'duration',
    'tags',
    'description'
  ]);
});

it('a view that somebody spoilt is read as far as it goes', () => {
  const view = readView({
    text: 5,
    order: 'name',
    columns: ['name', 3],
    widths: { name: 'wide', status: 90 },
    charts: false
  });
  expect(view).toMatchObject({ text: '', order: 'name', columns: null, widths: { status: 90 }, charts: false });
  expect(readView(null).order).toBe('-created');
});
