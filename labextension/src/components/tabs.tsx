import * as React from 'react';

export interface ITab<K extends string> {
  key: K;
  label: string;
}

/** A row of tabs: arrow keys walk through it. */
export function Tabs<K extends string>(props: {
  tabs: readonly ITab<K>[];
  value: K;
  label: string;
  /** Id of what the tabs show. */
  panel: string;
  onChange: (key: K) => void;
}): JSX.Element {
  const { tabs, value } = props;
  const onKeyDown = (event: React.KeyboardEvent<HTMLElement>) => {
    const at = tabs.findIndex(tab => tab.key === value);
    const places: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 };
    const to = tabs[places[event.key] ?? -1];
    if (to) {
      event.preventDefault();
      props.onChange(to.key);
      event.currentTarget.querySelectorAll<HTMLElement>('[role=tab]')[tabs.indexOf(to)]?.focus();
    }
  };
  return (
    <div className="aml-Tabs" role="tablist" aria-label={props.label} onKeyDown={onKeyDown}>
      {tabs.map(tab => (
        <button
          key={tab.key}
          role="tab"
          id={`${props.panel}-${tab.key}`}
          aria-selected={tab.key === value}
          aria-controls={props.panel}
          tabIndex={tab.key === value ? 0 : -1}
          onClick={() => props.onChange(tab.key)}
        >
          {tab.label}
        </button>
      ))}
    </div>
  );
}
