import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

/**
 * A tree of rows of the role treeitem: one of them is where Tab comes to, and arrow keys go from there.
 */
export function Tree(props: { label: string; className?: string; children: React.ReactNode }): JSX.Element {
  const tree = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    const node = tree.current;
    const look = () => node && !node.querySelector(`${ROW}[tabindex="0"]`) && stop(node, node.querySelector(ROW));
    look();
    const observer = new MutationObserver(look);
    observer.observe(node as HTMLElement, { childList: true, subtree: true });
    return () => observer.disconnect();
  }, []);
  return (
    <div
      className={props.className ?? 'aml-Tree'}
      ref={tree}
      role="tree"
      aria-label={props.label}
      onFocus={event => stop(event.currentTarget, event.target.closest(ROW))}
    >
      {props.children}
    </div>
  );
}

const ROW = '[role=treeitem]';

/** Let Tab come to this row, and to no other. */
function stop(tree: HTMLElement, row: Element | null): void {
  if (row) {
    tree.querySelectorAll<HTMLElement>(`${ROW}[tabindex="0"]`).forEach(one => (one.tabIndex = -1));
    (row as HTMLElement).tabIndex = 0;
  }
}

/** Arrow keys walk a tree as in every tree of Jupyter; Enter and Space do what a click does. */
export function onTreeKey(event: React.KeyboardEvent<HTMLElement>, open: boolean | null, toggle: () => void): void {
  if (event.target !== event.currentTarget) {
    return;
  }
  const row = event.currentTarget;
  const rows = Array.from(row.closest('[role=tree]')?.querySelectorAll<HTMLElement>('[role=treeitem]') ?? []);
  const go = (step: number) => rows[rows.indexOf(row) + step]?.focus();
  if (event.key === 'ArrowDown') {
    go(1);
  } else if (event.key === 'ArrowUp') {
    go(-1);
  } else if (event.key === 'Home') {
    rows[0].focus();
  } else if (event.key === 'End') {
    rows[rows.length - 1].focus();
  } else if (event.key === 'ArrowRight' && open === false) {
    toggle();
  } else if (event.key === 'ArrowRight' && open === true) {
    go(1);
  } else if (event.key === 'ArrowLeft' && open === true) {
    toggle();
  } else if (event.key === 'ArrowLeft') {
    const above = rows.slice(0, rows.indexOf(row)).reverse();
    above.find(one => Number(one.ariaLevel) < Number(row.ariaLevel))?.focus();
  } else if (event.key === 'Enter' || event.key === ' ') {
    row.click();
  } else {
    return;
  }
  event.preventDefault();
}

/** What opens and closes a row; an empty place for one that has nothing below it. */
export function Caret(props: { open: boolean | null; onClick: () => void; label: string }): JSX.Element {
  if (props.open === null) {
    return <span className="aml-Caret" />;
  }
  const Icon = props.open ? caretDownIcon : caretRightIcon;
  return (
    <button
      className="aml-Caret"
      tabIndex={-1}
      aria-label={props.label}
      onClick={event => {
        event.stopPropagation();
        props.onClick();
      }}
    >
      <Icon.react tag="span" width="16px" />
    </button>
  );
}

/** How far a row of a level (from 1 on) is set in. */
export function indent(level: number): string {
  return `${(level - 1) * 14 + 4}px`;
}
