import * as React from 'react';
import { TranslationBundle } from '@jupyterlab/translation';

import { useSignal } from '../../components/hooks';
import { Problem } from '../../components/problem';
import { Choose } from '../../components/select';
import { Tabs } from '../../components/tabs';
import { ThingModel } from './model';
import { IThing, IThingTab } from './types';

/** A tab of a thing's page. */
export interface IThingTabs<T extends IThing> {
  key: string;
  label: string;
  content: (props: IThingTab<T>) => JSX.Element | null;
}

export interface IThingBody<T extends IThing> {
  model: ThingModel<T>;
  /** `Model`, `Dataset` …: what it is. */
  kind: string;
  tabs(thing: T): readonly IThingTabs<T>[];
  /** Beside the name. */
  beside?(thing: T): React.ReactNode;
  /** Buttons. */
  actions(thing: T): React.ReactNode;
  openRun(id: string): void;
  trans: TranslationBundle;
}

/** The page of one named thing. */
export function ThingBody<T extends IThing>(props: IThingBody<T>): JSX.Element {
  const { model, kind, trans } = props;
  useSignal(model.stateChanged);
  const panel = React.useId();
  const thing = model.thing;
  const gone = (
    <div className="aml-Message aml-mod-error" role="alert">
      {trans.__('%1 “%2” is not there: it was deleted.', kind, model.name)}
    </div>
  );
  const problem = model.error && <Problem error={model.error} retry={() => void model.refresh()} trans={trans} />;
  if (!thing) {
    return (
      <div className="aml-Wide">
        {model.deleted ? gone : (problem ?? <div className="aml-Message">{trans.__('Loading…')}</div>)}
      </div>
    );
  }
  const tabs = props.tabs(thing);
  const tab = tabs.find(one => one.key === model.tab) ?? tabs[0];
  const Content = tab.content;
  const newest = thing.versions[0];
  return (
    <div className="aml-Wide aml-Thing">
      <header className="aml-Page-head">
        <span className="aml-Thing-kind">{kind}</span>
        <h1 title={thing.name}>{thing.name}</h1>
        {thing.versions.length > 1 ? (
          <Choose
            label={trans.__('Version')}
            names={thing.versions.map(String)}
            value={String(thing.version)}
            show={name => (Number(name) === newest ? trans.__('%1 (newest)', name) : name)}
            onChange={name => model.show(Number(name) === newest ? null : Number(name))}
          />
        ) : (
          thing.version > 0 && <span className="aml-Thing-kind">{trans.__('Version %1', thing.version)}</span>
        )}
        {props.beside?.(thing)}
        <span className="aml-Page-space" />
        {!model.client.connected && (
          <span className="aml-Bad" role="status">
            {trans.__('Not connected: what is shown may be old.')}
          </span>
        )}
      </header>
      {!model.deleted && (
        <div className="aml-Bar" role="group" aria-label={trans.__('Actions')} aria-busy={model.busy}>
          {props.actions(thing)}
        </div>
      )}
      {model.deleted ? gone : problem}
      {model.refused && <Problem error={model.refused} trans={trans} />}
      <Tabs
        label={trans.__('What is shown')}
        panel={panel}
        value={tab.key}
        tabs={tabs}
        onChange={key => {
          model.tab = key;
        }}
      />
      <section
        className="aml-Wide-content aml-Thing-content"
        role="tabpanel"
        id={panel}
        aria-labelledby={`${panel}-${tab.key}`}
        tabIndex={0}
      >
        <Content model={model} thing={thing} openRun={props.openRun} trans={trans} />
      </section>
    </div>
  );
}
