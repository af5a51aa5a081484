import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IWorkspaceClient } from '../../tokens';
import { IOffered } from '../../wire';

/** The workspace that is shown, and the way to another one that the server offers. */
export function WorkspaceSwitch(props: {
  client: IWorkspaceClient;
  name: string;
  url: string;
  onSwitch(name: string): void;
  trans: TranslationBundle;
}): JSX.Element {
  const { client, name, url, trans } = props;
  const [offered, setOffered] = React.useState<IOffered[]>([]);
  const look = React.useCallback(() => {
    client.workspaces().then(setOffered, () => setOffered([]));
  }, [client]);
  React.useEffect(look, [look, name]);
  if (offered.length < 2) {
    return (
      <span className="aml-Runs-workspace" title={url}>
        {name}
      </span>
    );
  }
  return (
    <select
      className="aml-Runs-workspace"
      title={url}
      aria-label={trans.__('Workspace')}
      value={client.workspace}
      onFocus={look}
      onChange={event => props.onSwitch(event.target.value)}
    >
      {offered.map(one => (
        <option key={one.name} value={one.current ? '' : one.name} title={one.url}>
          {one.name}
        </option>
      ))}
    </select>
  );
}
