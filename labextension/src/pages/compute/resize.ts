import { TranslationBundle } from '@jupyterlab/translation';

import { askParameters } from '../../notebook/run-form';
import { ICompute } from '../../panels/compute/wire';

/** Between how many nodes a cluster scales, as `PATCH compute/<name>` takes it. */
export interface ISize {
  min_nodes: number;
  max_nodes: number;
  idle_seconds_before_scaledown: number;
}

/** Ask for a cluster's size until `resize` takes it; false when the reader cancelled. */
export async function askSize(
  target: ICompute,
  resize: (size: ISize) => Promise<unknown>,
  trans: TranslationBundle
): Promise<boolean> {
  const field = (name: keyof ISize, label: string, value: number | null | undefined) => ({
    name,
    label,
    value: String(value ?? 0)
  });
  const others = [
    field('min_nodes', trans.__('Nodes that are always on'), target.min_nodes),
    field('max_nodes', trans.__('Nodes at most'), target.max_nodes),
    field('idle_seconds_before_scaledown', trans.__('Seconds after which an idle node stops'), target.idle_seconds)
  ];
  const done = await askParameters(
    { title: trans.__('Resize “%1”', target.name), accept: trans.__('Resize'), hint: '', parameters: [], others },
    async filled => {
      const size = others.map(({ name, label }) => {
        const given = filled.others[name].trim();
        if (!/^\d+$/.test(given)) {
          throw new Error(trans.__('%1: a whole number, not “%2”.', label, given));
        }
        return [name, Number(given)];
      });
      await resize(Object.fromEntries(size) as ISize);
      return true;
    },
    trans
  );
  return done !== null;
}
