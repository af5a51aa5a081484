import { TranslationBundle } from '@jupyterlab/translation';

/** What there is to do as long as no dataset is registered. */
export function NoDatasets(props: { trans: TranslationBundle }): JSX.Element {
  const { trans } = props;
  return (
    <>
      <p>{trans.__('No dataset is registered yet.')}</p>
      <p>{trans.__('A dataset is a name for data where it lies; nothing is copied:')}</p>
      <pre>
        {'data = Dataset.Tabular.from_delimited_files(\n    (ws.get_default_datastore(), "sales.csv"))\n' +
          'data.register(ws, "sales")'}
      </pre>
    </>
  );
}
