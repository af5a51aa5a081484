import { expect, it } from 'vitest';

import { cellDiff, cellsOf } from '../src/notebook/cell-diff';

function notebook(...cells: [id: string, source: string, output?: string][]) {
  return cellsOf({
    cells: cells.map(([id, source, text]) => ({
      cell_type: 'code',
      id,
      source: source.split(/(?<=\n)/),
      outputs: text === undefined ? [] : [{ output_type: 'stream', name: 'stdout', text }]
    }))
  });
}

const states = (before: ReturnType<typeof notebook>, after: ReturnType<typeof notebook>) =>
  cellDiff(before, after).map(one => [one.state, one.before?.source ?? null, one.after?.source ?? null]);

it('a cell that was put between others is new, and the others stay what they are', () => {
  expect(
    states(notebook(['a', 'x = 1'], ['b', 'print(x)']), notebook(['a', 'x = 1'], ['n', 'y = 2'], ['b', 'print(x)']))
  ).toEqual([
    ['same', 'x = 1', 'x = 1'],
    ['added', null, 'y = 2'],
    ['same', 'print(x)', 'print(x)']
  ]);
});

it('a cell is known by its id when its source was written anew, and by its source when it has another id', () => {
  expect(
    states(notebook(['a', 'lr = 0.1'], ['b', 'train()']), notebook(['a', 'rate = 0.5'], ['z', 'train()']))
  ).toEqual([
    ['changed', 'lr = 0.1', 'rate = 0.5'],
    ['same', 'train()', 'train()']
  ]);
});

it('what it showed counts, and so do pictures', () => {
  expect(states(notebook(['a', 'f()', '1\n']), notebook(['a', 'f()', '2\n']))[0][0]).toBe('changed');
  const picture = (data: string) =>
    cellsOf({
      cells: [
        {
          cell_type: 'code',
          id: 'p',
          source: 'plot()',
          outputs: [{ output_type: 'display_data', data: { 'image/png': data } }]
        }
      ]
    });
  expect(cellDiff(picture('AA=='), picture('BB=='))[0].state).toBe('changed');
  expect(picture('AA\n==')[0].images).toEqual(['data:image/png;base64,AA==']);
});

it('what is no notebook has no cells, and thousands of cells are matched by place', () => {
  expect(cellsOf('text')).toEqual([]);
  const many = notebook(...Array.from({ length: 600 }, (_, at): [string, string] => [`c${at}`, `step(${at})`]));
  expect(cellDiff(many, many).every(one => one.state === 'same')).toBe(true);
});
