import { TranslationBundle } from '@jupyterlab/translation';

/** What one can do about an error; null where its own words say all. */
export function advice(error: Error, trans: TranslationBundle): string | null {
  const status = (error as { status?: number }).status;
  // Without an answer there is no status: the server is stopped, or cannot be reached.
  return status === 403
    ? trans.__('You are not allowed to do this here. Ask whoever runs this server for the right to do it.')
    : status === undefined
      ? trans.__('The Jupyter server does not answer. Is it running? This page goes on when it is back.')
      : status === 503
        ? trans.__('The workspace cannot be reached at the moment.')
        : status >= 500
          ? trans.__('The log of the server says more.')
          : null;
}

/** An error in one text, for notifications. */
export function explained(error: Error, trans: TranslationBundle): string {
  // A network's own words ("Failed to fetch") help nobody; neither does "Forbidden".
  const quiet = error instanceof TypeError || (error as { status?: number }).status === 403;
  const told = error instanceof TypeError || 'status' in error ? advice(error, trans) : null;
  return [quiet && told ? '' : error.message, told ?? ''].filter(Boolean).join(' ');
}

/** What went wrong, in the server's words, and what one can do about it. */
export function Problem(props: {
  error: Error;
  retry?: () => void;
  trans: TranslationBundle;
  children?: React.ReactNode;
}): JSX.Element {
  const { error, retry, trans } = props;
  const status = (error as { status?: number }).status;
  const told = advice(error, trans);
  return (
    <div className="aml-Message aml-mod-error aml-Problem" role="alert">
      {status === undefined ? null : <pre>{error.message}</pre>}
      {told && <p>{told}</p>}
      {props.children}
      {retry && (
        <button className="jp-mod-styled" onClick={retry}>
          {trans.__('Try again')}
        </button>
      )}
    </div>
  );
}
