/** What can come next in a filter: no DOM, nothing but the text and the names that there are. */
import { IField } from '../../wire';
import { BASIC, STATUSES, fieldText, quoted } from './fields';

export interface IOption {
  /** What is put in place of the word at the caret. */
  text: string;
  /** What it is, in a word. */
  kind: 'field' | 'operator' | 'value' | 'word';
}

export interface ICompletion {
  /** Where the word at the caret begins. */
  from: number;
  options: IOption[];
}

const TOKEN =
  /((?:[\p{L}_]+\.)?"(?:[^"]|"")*"?(?:\.\w*)?|'(?:[^']|'')*'?)|(<=|>=|==|!=|[=<>])|([(),])|([^\s"'()<>=!,]+(?:"(?:[^"]|"")*"?(?:\.\w*)?)?)|(\S)/gu;
const MOST = 40;
const WORDS = ['and', 'or'];

type State = 'field' | 'operator' | 'value' | 'list' | 'null' | 'after';

interface ISeen {
  state: State;
  field: string;
  deep: number;
}

/** One word further. */
function next(seen: ISeen, token: string): ISeen {
  const word = token.toLowerCase();
  switch (seen.state) {
    case 'field':
      if (token === '(') {
        return { ...seen, deep: seen.deep + 1 };
      }
      return word === 'not' ? seen : { ...seen, state: 'operator', field: plainField(token) };
    case 'operator':
      if (word === 'in') {
        return { ...seen, state: 'list' };
      }
      if (word === 'is') {
        return { ...seen, state: 'null' };
      }
      return word === 'not' ? seen : { ...seen, state: 'value' };
    case 'null':
      return word === 'not' ? seen : { ...seen, state: 'after' };
    case 'list':
      return token === ')' ? { ...seen, state: 'after' } : seen;
    case 'value':
      return { ...seen, state: 'after' };
    default:
      if (token === ')') {
        return { ...seen, deep: Math.max(0, seen.deep - 1) };
      }
      return WORDS.includes(word) ? { ...seen, state: 'field' } : seen;
  }
}

/** A field's name without its quotes. */
function plainField(token: string): string {
  return token.replace(/"((?:[^"]|"")*)"?/, (_, inner: string) => inner.replace(/""/g, '"'));
}

/**
 * What could be written at the caret.
 *
 * @param text - The filter as far as it is written.
 * @param caret - Where in it.
 * @param fields - Names that the runs use.
 */
export function complete(text: string, caret: number, fields: readonly IField[]): ICompletion {
  const before = text.slice(0, caret);
  const tokens = [...before.matchAll(TOKEN)].map(match => ({ text: match[0], from: match.index }));
  const last = tokens[tokens.length - 1];
  const touching = last !== undefined && last.from + last.text.length === caret && !/^[(),=<>!]+$/.test(last.text);
  const word = touching ? last.text : '';
  const from = touching ? last.from : caret;
  let seen: ISeen = { state: 'field', field: '', deep: 0 };
  for (const token of touching ? tokens.slice(0, -1) : tokens) {
    seen = next(seen, token.text);
  }
  const fit = (options: IOption[]) => {
    const wanted = word.replace(/"/g, '').toLowerCase();
    const plain = (option: IOption) => option.text.replace(/"/g, '').toLowerCase();
    const starting = options.filter(option => plain(option).startsWith(wanted));
    const within = options.filter(option => !plain(option).startsWith(wanted) && plain(option).includes(wanted));
    const all = [...starting, ...within].slice(0, MOST);
    return all.length === 1 && all[0].text === word ? [] : all;
  };
  return { from, options: fit(offered(seen, fields)) };
}

function offered(seen: ISeen, fields: readonly IField[]): IOption[] {
  const word = (text: string): IOption => ({ text, kind: 'word' });
  if (seen.state === 'field') {
    const names = [...fields.map(one => fieldText(one.field)), ...Object.keys(BASIC)];
    return [...names.map((text): IOption => ({ text, kind: 'field' })), word('not')];
  }
  if (seen.state === 'operator') {
    const operators = comparable(seen.field, fields)
      ? ['=', '!=', '<', '<=', '>', '>=', 'in', 'is null', 'is not null']
      : ['=', '!=', 'contains', 'not contains', 'in', 'not in', 'is null', 'is not null'];
    return operators.map(text => ({ text, kind: 'operator' }));
  }
  if (seen.state === 'value' || seen.state === 'list') {
    return values(seen.field, fields).map(text => ({ text, kind: 'value' }));
  }
  if (seen.state === 'null') {
    return [word('null'), word('not null')];
  }
  return [...WORDS.map(word), ...(seen.deep > 0 ? [word(')')] : [])];
}

function comparable(field: string, fields: readonly IField[]): boolean {
  const basic = BASIC[field];
  return basic ? basic !== 'text' : (fields.find(one => one.field === field)?.numeric ?? field.startsWith('metrics.'));
}

function values(field: string, fields: readonly IField[]): string[] {
  if (field === 'status') {
    return STATUSES;
  }
  if (BASIC[field] === 'time') {
    return ['ago(1h)', 'ago(1d)', 'ago(7d)', new Date().toISOString().slice(0, 10)];
  }
  if (BASIC[field] === 'duration') {
    return ['30s', '5m', '1h', '1d'];
  }
  const known = fields.find(one => one.field === field);
  return (known?.values ?? []).map(one => (known?.numeric ? one : quoted(one)));
}
