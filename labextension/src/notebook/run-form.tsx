import { Dialog, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { explained } from '../components/problem';
import { IParameter } from './api';
import { changedTexts, initial, missing } from './values';

/** What a form begins with. */
export interface IFormOptions {
  title: string;
  /** What pressing the button does. */
  accept: string;
  hint: string;
  parameters: readonly IParameter[];
  /** Fields beside the parameters, by their names. */
  others: { name: string; label: string; value: string; placeholder?: string }[];
}

/** What was filled in: texts, which the server reads by the declared types. */
export interface IFilled {
  /** Parameters whose value differs from the one shown first. */
  texts: Record<string, string>;
  others: Record<string, string>;
}

/**
 * Ask for parameters until `submit` succeeds or the reader cancels; an error stays in the form with what was typed.
 *
 * @returns what `submit` returned; null when it was cancelled.
 */
export async function askParameters<T>(
  options: IFormOptions,
  submit: (filled: IFilled) => Promise<T>,
  trans: TranslationBundle
): Promise<T | null> {
  const state: IState = { texts: {}, others: {}, error: '' };
  for (;;) {
    const body = ReactWidget.create(<Form options={options} state={state} trans={trans} />);
    body.addClass('aml-Form');
    const result = await showDialog({
      title: options.title,
      body,
      buttons: [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.okButton({ label: options.accept })],
      focusNodeSelector: 'input, select'
    });
    if (!result.button.accept) {
      return null;
    }
    const absent = missing(options.parameters, state.texts);
    if (absent.length > 0) {
      state.error = trans.__('A value is needed for %1.', absent.join(', '));
      continue;
    }
    const others = Object.fromEntries(options.others.map(one => [one.name, state.others[one.name] ?? one.value]));
    try {
      return await submit({ texts: changedTexts(options.parameters, state.texts), others });
    } catch (error) {
      state.error = explained(error as Error, trans);
    }
  }
}

interface IState {
  texts: Record<string, string>;
  others: Record<string, string>;
  error: string;
}

function Form(props: { options: IFormOptions; state: IState; trans: TranslationBundle }): JSX.Element {
  const { options, state, trans } = props;
  const [, again] = React.useReducer((n: number) => n + 1, 0);
  const text = (one: IParameter) => state.texts[one.name] ?? initial(one);
  const set = (where: Record<string, string>, name: string, given: string) => {
    where[name] = given;
    again();
  };
  return (
    <div>
      {options.hint && <p>{options.hint}</p>}
      {state.error && (
        <p className="aml-Message aml-mod-error" role="alert">
          {state.error}
        </p>
      )}
      {options.parameters.map(one => (
        <label key={one.name} className="aml-Form-row" title={one.help}>
          <span>
            {one.name}
            {one.required && <abbr title={trans.__('required')}>*</abbr>}
            {one.type && <small> {one.type}</small>}
          </span>
          <Field parameter={one} text={text(one)} change={given => set(state.texts, one.name, given)} trans={trans} />
        </label>
      ))}
      {options.parameters.length > 0 && options.others.length > 0 && <hr />}
      {options.others.map(one => (
        <label key={one.name} className="aml-Form-row">
          <span>{one.label}</span>
          <input
            className="jp-mod-styled"
            value={state.others[one.name] ?? one.value}
            placeholder={one.placeholder}
            onChange={event => set(state.others, one.name, event.target.value)}
          />
        </label>
      ))}
    </div>
  );
}

function Field(props: {
  parameter: IParameter;
  text: string;
  change: (text: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { parameter, text, change, trans } = props;
  const choices =
    parameter.choices.length > 0 ? parameter.choices : parameter.type === 'bool' ? ['True', 'False'] : null;
  if (choices) {
    return (
      <select className="jp-mod-styled" value={text} onChange={event => change(event.target.value)}>
        {!choices.includes(text) && <option value={text}>{text}</option>}
        {choices.map(one => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    );
  }
  return (
    <input
      className="jp-mod-styled"
      type={parameter.secret ? 'password' : 'text'}
      inputMode={parameter.type === 'int' || parameter.type === 'float' ? 'decimal' : undefined}
      autoComplete={parameter.secret ? 'new-password' : 'off'}
      placeholder={parameter.secret ? trans.__('secret: masked in all that is kept') : undefined}
      value={text}
      onChange={event => change(event.target.value)}
    />
  );
}
