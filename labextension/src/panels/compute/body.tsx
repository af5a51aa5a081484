import { TranslationBundle } from '@jupyterlab/translation';

/** What there is to do as long as there is no compute target. */
export function NoCompute(props: { trans: TranslationBundle }): JSX.Element {
  const { trans } = props;
  return (
    <>
      <p>{trans.__('No compute target yet: runs are executed on this machine.')}</p>
      <p>{trans.__('A cluster starts nodes when runs wait for it, and stops them afterwards:')}</p>
      <pre>
        {'config = AmlCompute.provisioning_configuration(\n    max_nodes=2)\n' +
          'ComputeTarget.create(ws, "cpu", config)'}
      </pre>
    </>
  );
}
