import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { useSignal } from '../../components/hooks';
import { Problem } from '../../components/problem';
import { Status } from '../../components/status';
import { Caret, Tree, indent, onTreeKey } from '../../components/tree';
import { IBranch, TreeModel } from './model';
import { INode } from './types';

/** With more things than these there is a box to find one. */
const FEW = 5;

interface IProps {
  model: TreeModel;
  trans: TranslationBundle;
}

/** A section of the sidebar: a tree of named things. */
export function TreeBody(props: IProps): JSX.Element {
  const { model, trans } = props;
  useSignal(model.stateChanged);
  React.useEffect(() => {
    model.watched = true;
    return () => {
      model.watched = false;
    };
  }, [model]);
  const root = model.root;
  return (
    <>
      {((model.count ?? 0) > FEW || model.search !== '') && (
        <input
          className="aml-Search jp-mod-styled"
          type="search"
          placeholder={model.noun.search}
          aria-label={model.noun.search}
          value={model.search}
          onChange={event => {
            model.search = event.target.value;
          }}
        />
      )}
      {root.loaded && !root.error && model.count === 0 && <div className="aml-Empty">{model.noun.empty()}</div>}
      <Tree label={model.noun.label}>
        <Level {...props} node={null} branch={root} level={1} />
      </Tree>
      {root.loaded && !root.error && root.nodes.length === 0 && model.search.trim() !== '' && (
        <div className="aml-Message" role="status">
          {trans.__('Nothing is called so.')}
        </div>
      )}
    </>
  );
}

function Level(props: IProps & { node: INode | null; branch: IBranch; level: number }): JSX.Element {
  const { model, node, branch, level, trans } = props;
  const retry = () => void model.refresh();
  return (
    <>
      {branch.error && <Problem error={branch.error} retry={retry} trans={trans} />}
      {!branch.loaded && (
        <div className="aml-Message" style={{ paddingLeft: indent(level + 1) }}>
          {trans.__('Loading…')}
        </div>
      )}
      {branch.nodes.map(one => (
        <NodeRow key={one.key} {...props} node={one} />
      ))}
      {node && branch.loaded && !branch.error && branch.nodes.length === 0 && (
        <div className="aml-Message" style={{ paddingLeft: indent(level + 1) }}>
          {model.search ? trans.__('Nothing here is called so.') : trans.__('Empty.')}
        </div>
      )}
      {branch.more && (
        <button className="aml-More" onClick={() => model.showMore(node)}>
          {trans.__('Show more')}
        </button>
      )}
    </>
  );
}

function NodeRow(props: IProps & { node: INode; level: number }): JSX.Element {
  const { model, node, level, trans } = props;
  const branch = node.branch ? model.below(node) : null;
  const open = node.branch ? branch !== null : null;
  const toggle = () => model.toggle(node);
  const opens = model.noun.open?.(node) ?? null;
  const actions = model.noun.actions?.(node) ?? [];
  const data = Object.fromEntries(Object.entries(node.data).map(([key, text]) => [`data-${key}`, text]));
  return (
    <>
      <div
        className={`aml-Row aml-mod-thing aml-mod-${node.kind}`}
        style={{ paddingLeft: indent(level) }}
        role="treeitem"
        aria-level={level}
        aria-expanded={open ?? undefined}
        tabIndex={-1}
        title={node.hint}
        data-kind={node.kind}
        {...data}
        onClick={() => (opens ? void opens() : node.branch && toggle())}
        onKeyDown={event => onTreeKey(event, open, toggle)}
      >
        <Caret open={open} onClick={toggle} label={trans.__('Show or hide what is below')} />
        {node.status && <Status status={node.status} trans={trans} />}
        <span className="aml-Row-title">{node.label}</span>
        {node.note && <span className="aml-Row-duration">{node.note}</span>}
        {node.count !== undefined && <span className="aml-Row-count">{node.count.toLocaleString()}</span>}
        {actions.length > 0 && (
          <span className="aml-Row-actions">
            {actions.map(action => (
              <button
                key={action.label}
                title={action.title}
                onClick={event => {
                  event.stopPropagation();
                  void action.run();
                }}
              >
                {action.label}
              </button>
            ))}
          </span>
        )}
      </div>
      {branch && <Level {...props} node={node} branch={branch} level={level + 1} />}
    </>
  );
}
