import { Signal } from '@lumino/signaling';
import { expect, it, vi } from 'vitest';

import { axisOf, compared, drawnMetrics, firstAxes } from '../src/pages/compare/fields';
import { CompareModel } from '../src/pages/compare/model';
import { diffOf } from '../src/pages/compare/source';
import type { Changes, IWorkspaceClient } from '../src/tokens';
import type { IChange, IRun } from '../src/wire';
import { metric, run } from './records';

const RUNS = [
  run({ id: 'a', params: { lr: 0.1, same: 1, depth: 2 }, metrics: { loss: metric('loss', { last: 0.5, count: 9 }) } }),
  run({
    id: 'b',
    params: { lr: 0.01, same: 1, kind: 'x' },
    metrics: { loss: metric('loss', { last: 'NaN', count: 9 }) }
  })
];

it('what differs comes first; what only one has differs', () => {
  expect(compared(RUNS, 'params').map(row => [row.name, row.differs])).toEqual([
    ['depth', true],
    ['kind', true],
    ['lr', true],
    ['same', false]
  ]);
});

it('numbers are places, texts stand in their order, and NaN has no place', () => {
  expect(axisOf(RUNS, 'params.lr').places).toEqual([0.1, 0.01]);
  expect(axisOf(RUNS, 'metrics.loss')).toEqual({ field: 'metrics.loss', places: [0.5, null] });
  expect(axisOf(RUNS, 'params.kind')).toMatchObject({ places: [null, 0], ticks: [{ at: 0, label: 'x' }] });
  expect(firstAxes(RUNS)).toEqual(['params.depth', 'params.kind', 'params.lr', 'metrics.loss']);
  expect(drawnMetrics(RUNS)).toEqual(['loss']);
});

it('twenty thousand metrics are compared', () => {
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`m${i}`, metric(`m${i}`)]));
  expect(compared([run({ metrics: many }), run({ metrics: many })], 'metrics')).toHaveLength(20_000);
});

it('a diff of long texts with one change shows the change and little around it', () => {
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}`);
  const other = [...lines];
  other[10_000] = 'another';
  const shown = diffOf(lines.join('\n'), other.join('\n'));
  expect(shown.map(line => line.kind)).toEqual([
    'gap',
    'same',
    'same',
    'same',
    'removed',
    'added',
    'same',
    'same',
    'same',
    'gap'
  ]);
});

class MemoryRuns {
  all = new Map<string, IRun>();
  failing: Error | null = null;
  connected = true;
  asked: string[] = [];
  readonly changed = new Signal<this, Changes>(this);
  readonly connectionChanged = new Signal<this, boolean>(this);

  async run(id: string): Promise<IRun> {
    this.asked.push(id);
    if (this.failing) {
      throw this.failing;
    }
    const found = this.all.get(id);
    if (!found) {
      throw Object.assign(new Error('no such run'), { status: 404 });
    }
    return found;
  }
}

it('runs that are gone are named, and one that goes while it is open goes', async () => {
  const workspace = new MemoryRuns();
  RUNS.forEach(one => workspace.all.set(one.id, one));
  const model = new CompareModel(workspace as unknown as IWorkspaceClient, ['a', 'lost', 'b', 'a']);
  await vi.waitFor(() => expect(model.loaded).toBe(true));
  expect(model.runs.map(one => one.id)).toEqual(['a', 'b']);
  expect(model.missing).toEqual(['lost']);
  expect(model.place(model.runs[1])).toBe(2);
  workspace.all.delete('b');
  workspace.asked = [];
  workspace.changed.emit([{ noun: 'run', id: 'b', verb: 'deleted' } as IChange]);
  await vi.waitFor(() => expect(model.missing).toEqual(['lost', 'b']));
  expect(workspace.asked).toEqual(['b']);
  workspace.failing = new Error('no answer');
  await model.refresh();
  expect([model.error?.message, model.runs.length]).toEqual(['no answer', 1]);
  workspace.failing = null;
  workspace.connectionChanged.emit(true);
  await vi.waitFor(() => expect(model.error).toBeNull());
  model.dispose();
  model.dispose();
});
