import { beforeEach, expect, it } from 'vitest';

import { IDrawing, Rows } from '../src/components/table/rows';
import { IColumn, paintText } from '../src/components/table/types';

interface IThing {
  id: string | null;
  text: string;
}

const columns: IColumn<IThing>[] = [
  { id: 'text', label: 'Text', width: 100, paint: (cell, row) => paintText(cell, row.text) },
  { id: 'react', label: 'React', width: 100, render: row => row.text }
];
const LOADED = 60;
const things: IThing[] = Array.from({ length: LOADED }, (_, i) => ({ id: `t${i}`, text: `thing ${i}` }));

let body: HTMLElement;
let rows: Rows<IThing>;
beforeEach(() => {
  body = document.createElement('div');
  document.body.replaceChildren(body);
  rows = new Rows<IThing>(body, 'grid');
});

function drawing(given: Partial<IDrawing<IThing>> = {}): IDrawing<IThing> {
  return {
    columns,
    source: { count: 100, open: false, at: index => things[index] },
    boxes: true,
    width: 232,
    selected: new Set<string>(),
    place: { row: 0, column: 0 },
    editing: null,
    waiting: 'Loading…',
    keyOf: row => row.id,
    selectLabel: row => `Select ${row.text}`,
    paintWhole: (node, row) => paintText(node, row.text),
    ...given
  };
}

const row = (index: number) => body.querySelector<HTMLElement>(`[data-index="${index}"]`);
const cell = (index: number, column: number) => row(index)?.querySelector(`[data-column="${column}"]`);

it('elements are used again for the rows that come into sight, and say what those are', () => {
  const all = drawing({ selected: new Set(['t2', 't21']) });
  rows.draw(all, 0, 20);
  const before = new Set(body.children);
  expect(row(2)?.getAttribute('aria-selected')).toBe('true');
  rows.draw(all, 10, 30);
  expect(new Set(body.children)).toEqual(before);
  expect(row(2)).toBeNull();
  for (let index = 10; index < 30; index++) {
    expect(cell(index, 0)?.textContent).toBe(`thing ${index}`);
    expect(row(index)?.getAttribute('aria-rowindex')).toBe(String(index + 2));
    expect(row(index)?.getAttribute('aria-selected')).toBe(String(index === 21));
    expect(row(index)?.querySelector('input')?.getAttribute('aria-label')).toBe(`Select thing ${index}`);
  }
  rows.draw(all, 10, 15);
  expect(body.children).toHaveLength(5);
});

it('a row that is not loaded says so, and nothing of the row before is read out', () => {
  rows.draw(drawing(), 50, 58);
  rows.draw(drawing({ place: { row: 62, column: 1 } }), 56, 64);
  expect(row(62)?.classList).toContain('aml-mod-waiting');
  expect(row(62)?.querySelector('.aml-Grid-waiting')?.textContent).toBe('Loading…');
  expect(row(62)?.hasAttribute('aria-selected')).toBe(false);
  expect(document.getElementById('grid-62-1')).toBe(row(62)?.querySelector('.aml-Grid-waiting'));
  expect(rows.hosts.map(host => host.row.text)).toEqual(['thing 56', 'thing 57', 'thing 58', 'thing 59']);
  rows.draw(drawing(), 52, 60);
  expect(body.querySelectorAll('.aml-mod-waiting, .aml-Grid-waiting')).toHaveLength(0);
  expect(cell(55, 0)?.textContent).toBe('thing 55');
});

it('an edited cell has an element of its own while it is edited', () => {
  rows.draw(drawing(), 0, 4);
  rows.draw(drawing({ editing: { key: 't1', column: 'text' } }), 0, 4);
  const host = rows.hosts.find(one => one.edits);
  expect(host?.row.text).toBe('thing 1');
  expect(host?.node.parentElement).toBe(cell(1, 0));
  rows.draw(drawing(), 0, 4);
  expect(rows.hosts.some(one => one.edits)).toBe(false);
  expect(cell(1, 0)?.textContent).toBe('thing 1');
});

it('a row without a name takes the whole width, and its cells come back with the next row', () => {
  const head: IThing = { id: null, text: 'kind = a' };
  rows.draw(drawing({ source: { count: 2, open: false, at: index => [head, things[1]][index] } }), 0, 2);
  expect(row(0)?.getAttribute('aria-selected')).toBeNull();
  expect(row(0)?.children).toHaveLength(1);
  expect(document.getElementById('grid-0')?.textContent).toBe('kind = a');
  rows.draw(drawing(), 0, 2);
  expect(cell(0, 0)?.textContent).toBe('thing 0');
  expect(document.getElementById('grid-0-0')).toBe(cell(0, 0));
});
