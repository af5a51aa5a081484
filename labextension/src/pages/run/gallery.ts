import { IFile } from '../../wire';

const IMAGE = /\.(png|jpe?g|gif|webp|svg)$/i;

/** Whether a file is shown as a picture. */
export function isImage(path: string): boolean {
  return IMAGE.test(path);
}

/** Images of one name in the order in which they were logged. */
export interface IImageGroup {
  name: string;
  files: IFile[];
}

/**
 * Images as they belong together: those logged under a metric's name (`curve_1700….png`), or numbered
 * (`epoch-3.png`, `epoch-4.png`); others stand alone.
 *
 * @param logged - Names under which images were logged.
 */
export function imageGroups(files: readonly IFile[], logged: readonly string[]): IImageGroup[] {
  const names = [...logged].sort((a, b) => b.length - a.length);
  const groups = new Map<string, IFile[]>();
  for (const file of files) {
    if (!isImage(file.path)) {
      continue;
    }
    const bare = file.path.replace(IMAGE, '');
    const own = names.find(
      name => bare === name || (bare.startsWith(`${name}_`) && /^\d+$/.test(bare.slice(name.length + 1)))
    );
    const name = own ?? (file.path.startsWith('figures/') ? file.path : bare.replace(/[-_ ]?\d+$/, '') || bare);
    groups.set(name, [...(groups.get(name) ?? []), file]);
  }
  const order = new Intl.Collator(undefined, { numeric: true });
  return [...groups].map(([name, found]) => ({
    name: found.length === 1 && !names.includes(name) ? found[0].path : name,
    files: found.sort((a, b) => a.time - b.time || order.compare(a.path, b.path))
  }));
}
