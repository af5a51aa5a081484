import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { statusMark } from '../../components/status';
import { IColumn, paintText } from '../../components/table';
import { moment, runDuration, title, value } from '../../format';
import { IField, IRow, ended, ownTags } from '../../wire';
import { shortName } from './fields';
import { Item, isGroup } from './groups';
import { IEdit, sortable } from './model';

const WIDTHS: Record<string, number> = {
  name: 200,
  status: 108,
  created: 132,
  started: 132,
  ended: 132,
  duration: 88,
  tags: 180,
  description: 220,
  number: 64
};
const USUAL = 108;

/** Columns of every experiment. */
export const BASIC_COLUMNS = [
  'name',
  'status',
  'created',
  'started',
  'ended',
  'duration',
  'number',
  'type',
  'user',
  'host',
  'tags',
  'description',
  'id',
  'parent'
];

export function columnLabel(column: string, trans: TranslationBundle): string {
  const names: Record<string, string> = {
    name: trans.__('Run'),
    status: trans.__('Status'),
    created: trans.__('Created'),
    started: trans.__('Started'),
    ended: trans.__('Ended'),
    duration: trans.__('Duration'),
    number: trans.__('Number'),
    type: trans.__('Kind'),
    user: trans.__('By'),
    host: trans.__('Host'),
    tags: trans.__('Tags'),
    description: trans.__('Notes'),
    id: trans.__('Run id'),
    parent: trans.__('Part of')
  };
  return names[column] ?? column;
}

/** A cell's content as text. */
function textOf(row: IRow, column: string, now: number): string {
  if (column.includes('.')) {
    return value(row.values[column]);
  }
  switch (column) {
    case 'name':
      return title(row);
    case 'created':
    case 'started':
    case 'ended':
      return moment(row[column]);
    case 'duration':
      return runDuration(row, now);
    case 'tags':
      return Object.entries(ownTags(row.tags))
        .map(([tag, text]) => (text === null || text === '' ? tag : `${tag}: ${text}`))
        .join('\n');
    default:
      return String(row[column as keyof IRow] ?? '');
  }
}

/** The table's columns. */
export function columnsOf(
  ids: readonly string[],
  fields: readonly IField[],
  widths: Record<string, number>,
  now: number,
  open: (row: IRow) => void,
  mark: (row: IRow) => string | null,
  trans: TranslationBundle
): IColumn<Item>[] {
  const numeric = new Set(fields.filter(one => one.numeric).map(one => one.field));
  return ids.map(id => {
    const dotted = id.includes('.');
    const known = numeric.has(id.replace(/\.(last|min|max)$/, '')) || numeric.has(id);
    const paint = (cell: HTMLElement, row: IRow) => {
      if (id === 'status') {
        paintStatus(cell, row, trans);
      } else if (id === 'name') {
        paintName(cell, row, mark(row), () => open(row));
      } else if (id === 'tags') {
        paintTags(cell, row);
      } else {
        paintText(cell, textOf(row, id, now));
      }
    };
    return {
      id,
      label: dotted ? shortName(id) : columnLabel(id, trans),
      title: id,
      width: widths[id] ?? WIDTHS[id] ?? USUAL,
      numeric: id === 'duration' || id === 'number' || (dotted && known),
      sortable: sortable(id),
      editable: id === 'name' || id === 'description' || id === 'tags' || id.startsWith('tags.'),
      paint: (cell, row) => isGroup(row) || paint(cell, row),
      hint: row => (isGroup(row) ? '' : hintOf(row, id, now))
    };
  });
}

function paintStatus(cell: HTMLElement, row: IRow, trans: TranslationBundle): void {
  const drawn = cell.firstElementChild as HTMLElement | null;
  if (drawn?.dataset.status !== row.status) {
    cell.replaceChildren(statusMark(row.status, trans));
  }
}

function paintName(cell: HTMLElement, row: IRow, colour: string | null, open: () => void): void {
  let link = cell.querySelector('button');
  if (!link) {
    link = document.createElement('button');
    link.className = 'aml-Link';
    link.tabIndex = -1;
    cell.replaceChildren(link);
  }
  paintText(link, title(row));
  link.onclick = open;
  let number = cell.querySelector('small');
  if (row.number > 0 && row.name !== '') {
    if (!number) {
      number = document.createElement('small');
      link.before(number);
    }
    paintText(number, String(row.number));
  } else {
    number?.remove();
  }
  let swatch = cell.querySelector('i');
  if (colour !== null) {
    if (!swatch) {
      swatch = document.createElement('i');
      swatch.className = 'aml-Swatch';
      cell.prepend(swatch);
    }
    swatch.style.background = colour;
  } else {
    swatch?.remove();
  }
}

function paintTags(cell: HTMLElement, row: IRow): void {
  const chips = Object.entries(ownTags(row.tags)).map(([tag, text]) => {
    const chip = document.createElement('span');
    chip.className = 'aml-Chip';
    chip.textContent = text === null || text === '' ? tag : `${tag}: ${text}`;
    return chip;
  });
  if (chips.length > 0 || cell.firstChild) {
    cell.replaceChildren(...chips);
  }
}

function hintOf(row: IRow, id: string, now: number): string {
  const text = textOf(row, id, now);
  return id === 'status' && row.error ? `${text}\n${row.error.code ?? ''} ${row.error.message ?? ''}` : text;
}

/** Edits one cell: Enter keeps what was written, Escape does not. */
export function CellEditor(props: {
  row: IRow;
  column: string;
  onEdit: (edit: IEdit) => void;
  close: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { row, column, close, trans } = props;
  const tag = column.startsWith('tags.') ? column.slice(5) : null;
  const first =
    tag !== null
      ? (row.tags[tag] ?? '')
      : column === 'name'
        ? row.name
        : column === 'description'
          ? row.description
          : '';
  const [text, setText] = React.useState(first);
  const done = React.useRef(false);
  const finish = (keep: boolean) => {
    if (done.current) {
      return;
    }
    done.current = true;
    const edit = keep ? editOf(column, text, first) : null;
    if (edit) {
      props.onEdit(edit);
    }
    close();
  };
  return (
    <div
      className="aml-CellEditor"
      onBlur={event => {
        if (!event.currentTarget.contains(event.relatedTarget)) {
          finish(true);
        }
      }}
      onKeyDown={event => {
        event.stopPropagation();
        if (event.key === 'Enter' && (event.target as HTMLElement).tagName === 'INPUT') {
          finish(true);
        } else if (event.key === 'Escape') {
          finish(false);
        }
      }}
    >
      {column === 'tags' &&
        Object.keys(ownTags(row.tags)).map(one => (
          <span key={one} className="aml-Chip">
            {one}
            <button aria-label={trans.__('Remove the tag %1', one)} onClick={() => props.onEdit({ drop_tags: [one] })}>
              ×
            </button>
          </span>
        ))}
      <input
        autoFocus
        aria-label={tag ?? columnLabel(column, trans)}
        placeholder={column === 'tags' ? trans.__('tag or tag=value') : undefined}
        value={text}
        onChange={event => setText(event.target.value)}
      />
    </div>
  );
}

/** What was meant; null when nothing changed. */
export function editOf(column: string, text: string, first: string): IEdit | null {
  if (text === first) {
    return null;
  }
  if (column === 'name' || column === 'description') {
    return { [column]: text };
  }
  if (column.startsWith('tags.')) {
    const tag = column.slice(5);
    return text === '' ? { drop_tags: [tag] } : { set_tags: { [tag]: text } };
  }
  const [tag, ...rest] = text.split('=');
  return tag.trim() ? { set_tags: { [tag.trim()]: rest.join('=').trim() } } : null;
}

/** Whether any of these runs goes on. */
export function anyLive(rows: readonly IRow[]): boolean {
  return rows.some(row => !ended(row) && row.status !== 'CancelRequested');
}
