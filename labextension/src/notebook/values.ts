/** Parameters as texts in a form. */
import { IParameter } from './api';

/** The text with which a parameter's field begins. */
export function initial(parameter: IParameter): string {
  if (parameter.secret) {
    return '';
  }
  if (parameter.value !== undefined && parameter.value !== null) {
    const given = parameter.value;
    return typeof given === 'boolean' ? (given ? 'True' : 'False') : literal(given);
  }
  return unquoted(parameter.default);
}

function literal(given: unknown): string {
  return typeof given === 'string' ? given : JSON.stringify(given);
}

/** A default as people type it: a string without its quotes. */
export function unquoted(source: string): string {
  const match = /^(['"])((?:(?!\1)[^\\])*)\1$/.exec(source);
  return match ? match[2] : source;
}

/** Only what was changed, or has to be given. */
export function changedTexts(parameters: readonly IParameter[], texts: Record<string, string>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const one of parameters) {
    const text = texts[one.name] ?? initial(one);
    if (text !== initial(one)) {
      found[one.name] = text;
    }
  }
  return found;
}

/** Names of parameters that have to be given and are not. */
export function missing(parameters: readonly IParameter[], texts: Record<string, string>): string[] {
  return parameters.filter(one => one.required && (texts[one.name] ?? initial(one)) === '').map(one => one.name);
}
