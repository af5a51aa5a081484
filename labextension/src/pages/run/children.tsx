import * as React from 'react';

import { useLoaded, useNow } from '../../components/hooks';
import { Status } from '../../components/status';
import { Caret, Tree, indent, onTreeKey } from '../../components/tree';
import { mainMetrics, runDuration, title, value } from '../../format';
import { IRun } from '../../wire';
import { ITabProps } from './tab';

const LIMIT = 500;

/** The runs below as a tree, in the order in which they began. */
export function Children(props: ITabProps): JSX.Element {
  const { run, model, trans } = props;
  const now = useNow(model.live);
  return (
    <Tree className="aml-Children" label={trans.__('Runs below')}>
      <Level {...props} parent={run} level={1} now={now} />
    </Tree>
  );
}

type ILevel = ITabProps & { level: number; now: number };

function Level(props: ILevel & { parent: IRun }): JSX.Element {
  const { model, parent, level, trans } = props;
  const { value: page, error } = useLoaded(
    () => model.client.runs({ parent: parent.id, order: 'created', limit: LIMIT }),
    [parent.id, model.version]
  );
  const runs = page?.runs ?? [];
  return (
    <>
      {error && (
        <div className="aml-Message aml-mod-error" role="alert">
          {error}
        </div>
      )}
      {!page && !error && (
        <div className="aml-Message" style={{ paddingLeft: indent(level + 1) }}>
          {trans.__('Loading…')}
        </div>
      )}
      {runs.map(run => (
        <Child key={run.id} {...props} child={run} />
      ))}
      {page?.next && <p className="aml-Message">{trans.__('The first %1 are shown.', LIMIT)}</p>}
    </>
  );
}

function Child(props: ILevel & { child: IRun }): JSX.Element {
  const { child, level, actions, now, trans } = props;
  const [opened, setOpened] = React.useState(false);
  const open = child.child_count > 0 ? opened : null;
  const toggle = () => setOpened(!opened);
  return (
    <>
      <div
        className={`aml-Row aml-mod-child${child.type === 'aml.cell' ? ' aml-mod-cell' : ''}`}
        style={{ paddingLeft: indent(level) }}
        role="treeitem"
        aria-level={level}
        aria-expanded={open ?? undefined}
        tabIndex={-1}
        title={child.id}
        onClick={() => actions.openRun(child)}
        onKeyDown={event => onTreeKey(event, open, toggle)}
      >
        <Caret open={open} onClick={toggle} label={trans.__('Show or hide the runs below')} />
        <Status status={child.status} trans={trans} />
        <span className="aml-Row-title">{title(child)}</span>
        {child.child_count > 0 && <span className="aml-Row-count">{child.child_count.toLocaleString()}</span>}
        <span className="aml-Children-metrics">
          {mainMetrics(child, 4)
            .map(metric => `${metric.name} ${value(metric.last)}`)
            .join(', ')}
        </span>
        <span className="aml-Row-duration">{runDuration(child, now)}</span>
      </div>
      {open && <Level {...props} parent={child} level={level + 1} />}
    </>
  );
}
