import * as React from 'react';

import { ITabProps } from './tab';

/** The record as the server has it, for whoever wants to know exactly. */
export function Details(props: ITabProps): JSX.Element {
  const { run, trans } = props;
  const text = React.useMemo(() => JSON.stringify({ ...run, metrics: undefined }, null, 2), [run]);
  const count = Object.keys(run.metrics).length;
  return (
    <>
      <pre tabIndex={0} className="aml-Code">
        {text}
      </pre>
      {count > 0 && (
        <p className="aml-Message">{trans._n('and %1 metric', 'and %1 metrics, under their own tab', count)}</p>
      )}
    </>
  );
}
