import { useLoaded, useSlow } from '../../components/hooks';
import { asItRan } from '../../notebook/api';
import { NotebookView } from '../../notebook/notebook-view';
import { ITabProps } from './tab';

/** Milliseconds between two readings of a notebook that runs. */
const PAUSE = 1500;

/** The notebook as it ran: its cells, with what they showed beside them. */
export function NotebookAsItRan(props: ITabProps): JSX.Element {
  const { model, run, actions, trans } = props;
  const version = useSlow(model.version, PAUSE);
  const { value, error } = useLoaded(() => asItRan(model.client, run.id), [run.id, version]);
  return (
    <>
      {error && (
        <div className="aml-Message aml-mod-error" role="alert">
          {error}
        </div>
      )}
      {!value && !error && <p className="aml-Message">{trans.__('Loading…')}</p>}
      {value && (
        <NotebookView content={value.content} rendermime={actions.rendermime} openRun={actions.openRun} trans={trans} />
      )}
    </>
  );
}
