import { TranslationBundle } from '@jupyterlab/translation';

/** What there is to do as long as no model is registered. */
export function NoModels(props: { trans: TranslationBundle }): JSX.Element {
  const { trans } = props;
  return (
    <>
      <p>{trans.__('No model is registered yet.')}</p>
      <p>{trans.__('Keep a file of a run as the next version of a model:')}</p>
      <pre>{'run.register_model(\n    "iris", "outputs/model.pkl")'}</pre>
    </>
  );
}
