import { TranslationBundle } from '@jupyterlab/translation';

/** What there is to do as long as no notebook was tracked. */
export function NoNotebooks(props: { trans: TranslationBundle; track(): void }): JSX.Element {
  const { trans } = props;
  return (
    <>
      <p>{trans.__('No notebook was tracked yet.')}</p>
      <p>{trans.__('Switch tracking on in a notebook’s toolbar: each cell that you execute becomes a run.')}</p>
      <button className="jp-mod-styled jp-mod-accept" onClick={() => props.track()}>
        {trans.__('Track the current notebook')}
      </button>
    </>
  );
}
