/** A line of two texts laid over each other. */
export interface ILine {
  kind: 'same' | 'added' | 'removed' | 'gap';
  text: string;
}

/** Lines times lines that are compared; beyond, the texts are shown one after the other. */
const MOST = 1_000_000;

/**
 * What changed between two texts, line by line.
 *
 * @param around - So many unchanged lines are kept around a change; the rest becomes a gap.
 */
export function lineDiff(before: string, after: string, around = 2): ILine[] {
  const a = before === '' ? [] : before.split('\n');
  const b = after === '' ? [] : after.split('\n');
  return folded(a.length * b.length > MOST ? whole(a, b) : compared(a, b), around);
}

function whole(a: string[], b: string[]): ILine[] {
  return [...a.map(text => line('removed', text)), ...b.map(text => line('added', text))];
}

function line(kind: ILine['kind'], text: string): ILine {
  return { kind, text };
}

/** By the longest common subsequence. */
function compared(a: string[], b: string[]): ILine[] {
  const width = b.length + 1;
  const length = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      length[i * width + j] =
        a[i] === b[j]
          ? length[(i + 1) * width + j + 1] + 1
          : Math.max(length[(i + 1) * width + j], length[i * width + j + 1]);
    }
  }
  const found: ILine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      found.push(line('same', a[i]));
      i++;
      j++;
    } else if (length[(i + 1) * width + j] >= length[i * width + j + 1]) {
      found.push(line('removed', a[i++]));
    } else {
      found.push(line('added', b[j++]));
    }
  }
  return [...found, ...whole(a.slice(i), b.slice(j))];
}

function folded(lines: ILine[], around: number): ILine[] {
  const near = (index: number) =>
    lines.slice(Math.max(0, index - around), index + around + 1).some(one => one.kind !== 'same');
  const found: ILine[] = [];
  lines.forEach((one, index) => {
    if (one.kind !== 'same' || near(index)) {
      found.push(one);
    } else if (found[found.length - 1]?.kind !== 'gap') {
      found.push(line('gap', '…'));
    }
  });
  return found;
}
