import { TranslationBundle } from '@jupyterlab/translation';

import { Axis } from './chart';

/** How series are drawn. */
export interface ILook {
  axis: Axis;
  logarithmic: boolean;
  /** 0 for none, below 1. */
  smoothing: number;
}

export const FIRST_LOOK: ILook = { axis: 'step', logarithmic: false, smoothing: 0 };

/** What changes how series are drawn. */
export function LookControls(props: {
  look: ILook;
  onChange(look: ILook): void;
  trans: TranslationBundle;
}): JSX.Element {
  const { look, onChange, trans } = props;
  return (
    <>
      <label>
        {trans.__('Across')}{' '}
        <select value={look.axis} onChange={event => onChange({ ...look, axis: event.target.value as Axis })}>
          <option value="step">{trans.__('steps')}</option>
          <option value="relative">{trans.__('time since the start')}</option>
          <option value="time">{trans.__('time')}</option>
        </select>
      </label>
      <label>
        {trans.__('Smoothing')}{' '}
        <input
          type="range"
          min={0}
          max={0.99}
          step={0.01}
          value={look.smoothing}
          onChange={event => onChange({ ...look, smoothing: Number(event.target.value) })}
        />
      </label>
      <label>
        <input
          type="checkbox"
          checked={look.logarithmic}
          onChange={event => onChange({ ...look, logarithmic: event.target.checked })}
        />{' '}
        {trans.__('Logarithmic')}
      </label>
    </>
  );
}
