import { TranslationBundle } from '@jupyterlab/translation';

/** What there is to do as long as no environment is registered. */
export function NoEnvironments(props: { trans: TranslationBundle }): JSX.Element {
  const { trans } = props;
  return (
    <>
      <p>{trans.__('No environment of your own yet.')}</p>
      <p>{trans.__('What a script needs is described once, and built when it first runs:')}</p>
      <pre>
        {'env = Environment("train")\nenv.python.conda_dependencies\\\n    .add_pip_package("scikit-learn")\n' +
          'env.register(ws)'}
      </pre>
    </>
  );
}
