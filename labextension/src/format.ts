/** How values are written for people: one place, so that panel and page agree. */
import { IMetric, IRun, Num, ended } from './wire';

/** A number that arrived as JSON; null is a gap. */
export function toNumber(value: Num | null | undefined): number | null {
  return typeof value === 'number' ? value : null;
}

/** A metric's value: four significant digits, integers whole, NaN and infinities by their sign. */
export function value(given: unknown): string {
  if (given === 'Infinity') {
    return '∞';
  }
  if (given === '-Infinity') {
    return '−∞';
  }
  if (typeof given === 'number') {
    if (Number.isInteger(given) && Math.abs(given) < 1e9) {
      return String(given);
    }
    const size = Math.abs(given);
    if (size !== 0 && (size < 1e-4 || size >= 1e7)) {
      return given.toExponential(3);
    }
    return String(Number(given.toPrecision(4)));
  }
  if (given === null || given === undefined) {
    return '';
  }
  return typeof given === 'string' ? given : JSON.stringify(given);
}

/** Seconds as 0.12 s, 4.2 s, 3 m 05 s, 2 h 07 m, 3 d 4 h. */
export function duration(seconds: number): string {
  if (!(seconds >= 0)) {
    return '';
  }
  if (seconds < 1) {
    return `${Math.round(seconds * 1000)} ms`;
  }
  if (seconds < 60) {
    return `${seconds < 9.95 ? seconds.toFixed(1) : Math.floor(seconds)} s`;
  }
  const minutes = Math.floor(seconds / 60);
  const two = (n: number) => String(n).padStart(2, '0');
  if (minutes < 60) {
    return `${minutes} m ${two(Math.floor(seconds % 60))} s`;
  }
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${two(minutes % 60)} m` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How long a run took, or has been going on at `now` (seconds); "" before it started. */
export function runDuration(run: Pick<IRun, 'status' | 'started' | 'ended'>, now: number): string {
  if (run.started === null) {
    return '';
  }
  const end = run.ended ?? (ended(run) ? run.started : now);
  return duration(Math.max(0, end - run.started));
}

/** A moment as the reader's clock shows it: the time today, the date before. */
export function moment(seconds: number | null, now = Date.now() / 1000): string {
  if (seconds === null) {
    return '';
  }
  const then = new Date(seconds * 1000);
  const today = new Date(now * 1000);
  if (
    then.getDate() === today.getDate() &&
    then.getMonth() === today.getMonth() &&
    then.getFullYear() === today.getFullYear()
  ) {
    clock ??= new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit', second: '2-digit' });
    return clock.format(then);
  }
  calendar ??= new Intl.DateTimeFormat([], { dateStyle: 'medium', timeStyle: 'short' });
  return calendar.format(then);
}

/** Made once, when they are needed: to make one takes as long as hundreds of uses. */
let clock: Intl.DateTimeFormat | undefined;
let calendar: Intl.DateTimeFormat | undefined;

/** Bytes as 12 B, 3.4 kB, 5.6 MB. */
export function bytes(size: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

/** The line by which a run is known: a cell by its code, anything else by its name or number. */
export function title(run: Pick<IRun, 'id' | 'type' | 'name' | 'number' | 'details'>): string {
  if (run.type === 'aml.cell') {
    const source = String(run.details.source ?? '');
    const line = source.split('\n').find(text => text.trim() !== '');
    return line?.trim() || run.name || run.id;
  }
  return run.name || (run.number ? `Run ${run.number}` : run.id);
}

/** The newest scalar metrics of a run, newest last logged first; not those of the machine, `system/…`. */
export function mainMetrics(run: IRun, count: number): IMetric[] {
  return Object.values(run.metrics)
    .filter(metric => metric.kind === 'scalar' && metric.last !== null && !metric.name.startsWith('system/'))
    .sort((a, b) => b.last_time - a.last_time || a.name.localeCompare(b.name))
    .slice(0, count);
}

/** Git's facts among a run's properties, each once: they are kept under the SDK's names and under MLflow's. */
export function gitFacts(properties: Record<string, string>): [string, string][] {
  const of = (prefix: string) =>
    Object.entries(properties)
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, text]): [string, string] => [key.slice(prefix.length), text]);
  const facts = of('azureml.git.');
  return facts.length > 0 ? facts : of('mlflow.source.git.');
}

/** Text without the escape codes by which terminals colour it, and lines as carriage returns left them. */
export function plainText(text: string): string {
  const bare = text.replace(/\x1b\[[0-9;?]*[ -/]*[@-~]/g, '');
  return bare
    .split('\n')
    .map(line => {
      const parts = line.replace(/\r+$/, '').split('\r');
      return parts[parts.length - 1];
    })
    .join('\n');
}

/** A notebook's cells as a script with `# %%` lines; anything else as it is. */
export function notebookText(text: string): string {
  try {
    const cells = (JSON.parse(text) as { cells: { cell_type: string; source: string | string[] }[] }).cells;
    return cells
      .map(cell => {
        const source = Array.isArray(cell.source) ? cell.source.join('') : cell.source;
        return cell.cell_type === 'code' ? `# %%\n${source}\n` : `# %% [markdown]\n${source.replace(/^/gm, '# ')}\n`;
      })
      .join('\n');
  } catch {
    return text;
  }
}
