/** A notebook's path as Jupyter's server has it: a kernel that records itself knows only the place on the disk. */
export function belowRoot(path: string, root: string): string {
  const folder = root.replace(/\/+$/, '') + '/';
  return root && path.startsWith(folder) ? path.slice(folder.length) : path;
}
