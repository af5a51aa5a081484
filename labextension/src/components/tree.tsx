import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

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
  } else if (event.key === 'ArrowRight' && open === false) {
    toggle();
  } else if (event.key === 'ArrowLeft' && open === true) {
    toggle();
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
