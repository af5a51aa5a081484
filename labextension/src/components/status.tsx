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

/** A run's status as a mark of its own shape and colour; its name for screen readers and on hover. */
export function Status(props: { status: string; label?: boolean; trans: TranslationBundle }): JSX.Element {
  const kind = CLASS[props.status] ?? 'waiting';
  const name = props.trans.__(props.status);
  return (
    <span className="aml-Status" title={name}>
      <svg className={`aml-Status-mark aml-mod-${kind}`} viewBox="0 0 16 16" role="img" aria-label={name}>
        {kind === 'completed' && <path d="M3.5 8.5l3 3 6-7" />}
        {kind === 'failed' && <path d="M4.5 4.5l7 7m0-7l-7 7" />}
        {kind === 'canceled' && <path d="M4 8h8" />}
        {kind === 'running' && <path d="M8 2.5a5.5 5.5 0 1 1-5.5 5.5" />}
        {kind === 'waiting' && <circle cx="8" cy="8" r="4.5" strokeDasharray="2 2.2" />}
      </svg>
      {props.label && <span>{name}</span>}
    </span>
  );
}
