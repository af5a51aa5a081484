import { TranslationBundle } from '@jupyterlab/translation';

const CLASS: Record<string, string> = {
  Completed: 'completed',
  Failed: 'failed',
  Canceled: 'canceled',
  CancelRequested: 'canceled',
  Running: 'running',
  Finalizing: 'running',
  Starting: 'waiting',
  Preparing: 'waiting',
  Queued: 'waiting',
  NotStarted: 'waiting'
};

const SVG = 'http://www.w3.org/2000/svg';
const SHAPES: Record<string, string> = {
  completed: 'M3.5 8.5l3 3 6-7',
  failed: 'M4.5 4.5l7 7m0-7l-7 7',
  canceled: 'M4 8h8',
  running: 'M8 2.5a5.5 5.5 0 1 1-5.5 5.5'
};
const marks = new Map<string, HTMLElement>();

/** As `Status` with its label, for what is drawn without React. */
export function statusMark(status: string, trans: TranslationBundle): HTMLElement {
  const name = trans.__(status);
  let mark = marks.get(status);
  if (mark?.title !== name) {
    const kind = CLASS[status] ?? 'waiting';
    mark = document.createElement('span');
    mark.className = 'aml-Status';
    mark.title = name;
    mark.dataset.status = status;
    const picture = document.createElementNS(SVG, 'svg');
    const shape = document.createElementNS(SVG, SHAPES[kind] ? 'path' : 'circle');
    const attributes: Record<string, string> = SHAPES[kind]
      ? { d: SHAPES[kind] }
      : { cx: '8', cy: '8', r: '4.5', 'stroke-dasharray': '2 2.2' };
    Object.entries(attributes).forEach(pair => shape.setAttribute(...pair));
    Object.entries({
      class: `aml-Status-mark aml-mod-${kind}`,
      viewBox: '0 0 16 16',
      role: 'img',
      'aria-label': name
    }).forEach(pair => picture.setAttribute(...pair));
    picture.append(shape);
    const label = document.createElement('span');
    label.textContent = name;
    mark.append(picture, label);
    marks.set(status, mark);
  }
  return mark.cloneNode(true) as HTMLElement;
}

/** A run's status as a mark of its own shape and colour; its name for screen readers and on hover. */
export function Status(props: { status: string; label?: boolean; trans: TranslationBundle }): JSX.Element {
  const kind = CLASS[props.status] ?? 'waiting';
  const name = props.trans.__(props.status);
  return (
    <span className="aml-Status" title={name}>
      <svg className={`aml-Status-mark aml-mod-${kind}`} viewBox="0 0 16 16" role="img" aria-label={name}>
        {SHAPES[kind] ? <path d={SHAPES[kind]} /> : <circle cx="8" cy="8" r="4.5" strokeDasharray="2 2.2" />}
      </svg>
      {props.label && <span>{name}</span>}
    </span>
  );
}
