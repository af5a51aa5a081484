import { describe, expect, it } from 'vitest';

import {
  bytes,
  duration,
  gitFacts,
  mainMetrics,
  notebookText,
  plainText,
  runDuration,
  title,
  value
} from '../src/format';
import { timeSpan } from '../src/components/span';
import { belowRoot } from '../src/notebook/path';
import { metric, run } from './records';

describe('values', () => {
  it.each([
    [0.123456, '0.1235'],
    [3, '3'],
    [0, '0'],
    [1e-7, '1.000e-7'],
    [123456789.5, '1.235e+8'],
    ['NaN', 'NaN'],
    ['-Infinity', '−∞'],
    [null, ''],
    ['text', 'text'],
    [{ a: 1 }, '{"a":1}']
  ])('%s is written %s', (given, written) => {
    expect(value(given)).toBe(written);
  });
});

describe('durations', () => {
  it.each([
    [0.0123, '12 ms'],
    [4.21, '4.2 s'],
    [42.9, '42 s'],
    [185, '3 m 05 s'],
    [7620, '2 h 07 m'],
    [273600, '3 d 4 h'],
    [-1, '']
  ])('%s seconds are %s', (seconds, written) => {
    expect(duration(seconds)).toBe(written);
  });

  it('a run that goes on grows, one that ended does not', () => {
    expect(runDuration(run({ status: 'Running', started: 100, ended: null }), 130)).toBe('30 s');
    expect(runDuration(run({ status: 'Completed', started: 100, ended: 105 }), 900)).toBe('5.0 s');
    expect(runDuration(run({ status: 'NotStarted', started: null }), 900)).toBe('');
  });
});

describe('titles', () => {
  it('a cell is known by its first line of code', () => {
    expect(title(run({ type: 'aml.cell', details: { source: '\n\nmodel.fit(X)\nprint()' } }))).toBe('model.fit(X)');
  });

  it('a run by its name, else by its number', () => {
    expect(title(run({ name: 'first' }))).toBe('first');
    expect(title(run({ name: '', number: 7 }))).toBe('Run 7');
  });
});

it('the metrics shown are numbers, the last logged first', () => {
  const metrics = {
    a: metric('a', { last_time: 1 }),
    b: metric('b', { last_time: 3 }),
    rows: metric('rows', { kind: 'table', last: null, last_time: 9 })
  };
  expect(mainMetrics(run({ metrics }), 2).map(one => one.name)).toEqual(['b', 'a']);
});

it('points of one moment are shown within seconds', () => {
  expect(timeSpan([100, 100])).toEqual([99, 101]);
  expect(timeSpan([100, 100.2, 100.5])).toEqual([100, 100.5]);
  expect(timeSpan([])).toEqual([-1, 1]);
});

it("git's facts are shown once", () => {
  const both = {
    'azureml.git.branch': 'main',
    'mlflow.source.git.branch': 'main',
    'azureml.git.repository_uri': 'https://example.org/r',
    'mlflow.source.git.repoURL': 'https://example.org/r',
    'azureml.git.dirty': 'True',
    digits: '1'
  };
  expect(gitFacts(both)).toEqual([
    ['branch', 'main'],
    ['repository_uri', 'https://example.org/r'],
    ['dirty', 'True']
  ]);
  expect(gitFacts({ 'mlflow.source.git.commit': 'abc' })).toEqual([['commit', 'abc']]);
});

it.each([
  ['/home/me/lab/deep/a.ipynb', '/home/me/lab', 'deep/a.ipynb'],
  ['/home/me/lab/a.ipynb', '/home/me/lab/', 'a.ipynb'],
  ['/home/me/worker/a.ipynb', '/home/me/work', '/home/me/worker/a.ipynb'],
  ['C:/lab/a.ipynb', 'C:/lab', 'a.ipynb'],
  ['deep/a.ipynb', '/home/me/work', 'deep/a.ipynb'],
  ['/a.ipynb', '/', 'a.ipynb'],
  ['a.ipynb', '', 'a.ipynb']
])('%s on a server of %s is %s', (path, root, known) => {
  expect(belowRoot(path, root)).toBe(known);
});

it('bytes have a unit', () => {
  expect([12, 3400, 5_600_000, 123_000_000].map(bytes)).toEqual(['12 B', '3.4 kB', '5.6 MB', '123 MB']);
});

it('a log is shown as a terminal leaves it', () => {
  expect(plainText('\u001b[31mred\u001b[0m\n10%\r50%\r100%\ndone\r\n')).toBe('red\n100%\ndone\n');
});

it('a notebook is shown by its cells', () => {
  const notebook = {
    cells: [
      { cell_type: 'markdown', source: ['# Title\n', 'text'] },
      { cell_type: 'code', source: 'x = 1' }
    ]
  };
  expect(notebookText(JSON.stringify(notebook))).toBe('# %% [markdown]\n# # Title\n# text\n\n# %%\nx = 1\n');
  expect(notebookText('no JSON')).toBe('no JSON');
});
