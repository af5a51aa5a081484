import { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { useSignal } from '../../components/hooks';
import { ISection, ISectionContent } from '../../tokens';
import { SectionsModel } from './model';

/** A part of the sidebar that opens and closes. */
export function Section(props: {
  model: SectionsModel;
  id: string;
  label: string;
  count: number | null;
  children: () => React.ReactNode;
}): JSX.Element {
  const { model, id, label, count } = props;
  const open = model.isOpen(id);
  const Icon = open ? caretDownIcon : caretRightIcon;
  const region = `aml-section-${id}`;
  return (
    <section className="aml-Section">
      <h2>
        <button
          className="aml-Section-head"
          aria-expanded={open}
          aria-controls={open ? region : undefined}
          data-section={id}
          onClick={() => model.toggle(id)}
        >
          <Icon.react tag="span" width="16px" />
          <span>{label}</span>
          {count !== null && <span className="aml-Row-count">{count.toLocaleString()}</span>}
        </button>
      </h2>
      {open && (
        <div className="aml-Section-body" id={region} role="region" aria-label={label}>
          {props.children()}
        </div>
      )}
    </section>
  );
}

/** The sections below the experiments. */
export function Sections(props: { model: SectionsModel; trans: TranslationBundle }): JSX.Element {
  const { model, trans } = props;
  return (
    <>
      {model.sections.map(section => (
        <Loaded key={section.id} model={model} section={section} trans={trans} />
      ))}
    </>
  );
}

function Loaded(props: { model: SectionsModel; section: ISection; trans: TranslationBundle }): JSX.Element | null {
  const { model, section, trans } = props;
  const [content, setContent] = React.useState<ISectionContent | null>(null);
  const [failed, setFailed] = React.useState(false);
  React.useEffect(() => {
    let current = true;
    model.content(section).then(
      made => current && setContent(made),
      () => current && setFailed(true)
    );
    return () => {
      current = false;
    };
  }, [model, section]);
  if (failed) {
    return (
      <div className="aml-Message aml-mod-error" role="alert">
        {trans.__('%1 could not be loaded. Load the page anew.', section.label)}
      </div>
    );
  }
  return content && <Shown model={model} section={section} content={content} />;
}

function Shown(props: { model: SectionsModel; section: ISection; content: ISectionContent }): JSX.Element | null {
  const { model, section, content } = props;
  useSignal(content.stateChanged);
  if (!content.available) {
    return null;
  }
  return (
    <Section model={model} id={section.id} label={section.label} count={content.count}>
      {() => content.render()}
    </Section>
  );
}
