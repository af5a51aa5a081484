import { useSignal } from '../../components/hooks';
import { Problem } from '../../components/problem';
import { Tabs } from '../../components/tabs';
import { ComparedCharts } from './charts';
import { ComparedImages } from './images';
import { Tab } from './model';
import { IPart } from './parts';
import { ComparedScatter, Parallel } from './plots';
import { ComparedSource } from './source';
import { ComparedTable } from './table';

const PARTS: Record<Tab, (props: IPart) => JSX.Element> = {
  table: ComparedTable,
  charts: ComparedCharts,
  parallel: Parallel,
  scatter: ComparedScatter,
  source: ComparedSource,
  images: ComparedImages
};

/** Several runs beside each other. */
export function CompareBody(props: IPart & { id: string }): JSX.Element {
  const { model, trans, id } = props;
  useSignal(model.stateChanged);
  const { runs, missing, error } = model;
  const Content = PARTS[model.tab];
  const panel = `${id}-panel`;
  return (
    <div className="aml-Wide">
      <header className="aml-Page-head">
        <h1>{trans._n('%1 run', '%1 runs beside each other', runs.length)}</h1>
        {!model.client.connected && (
          <span className="aml-Bad" role="status">
            {trans.__('Not connected: what is shown may be old.')}
          </span>
        )}
      </header>
      {error && <Problem error={error} retry={() => void model.refresh()} trans={trans} />}
      {missing.length > 0 && (
        <div className="aml-Message aml-mod-error" role="alert">
          {trans._n(
            '%1 run is no longer there: %2',
            '%1 runs are no longer there: %2',
            missing.length,
            missing.join(', ')
          )}
        </div>
      )}
      {!model.loaded && <div className="aml-Message">{trans.__('Loading…')}</div>}
      {model.loaded && runs.length === 0 && !error && (
        <div className="aml-Message">
          {trans.__('There is nothing to compare. Select runs on an experiment’s page.')}
        </div>
      )}
      {runs.length > 0 && (
        <>
          <Tabs<Tab>
            label={trans.__('Ways to compare')}
            panel={panel}
            value={model.tab}
            tabs={[
              { key: 'table', label: trans.__('Values') },
              { key: 'charts', label: trans.__('Charts') },
              { key: 'parallel', label: trans.__('Parallel coordinates') },
              { key: 'scatter', label: trans.__('Scatter') },
              { key: 'source', label: trans.__('Source') },
              { key: 'images', label: trans.__('Images') }
            ]}
            onChange={tab => {
              model.tab = tab;
            }}
          />
          <section
            className="aml-Wide-content"
            role="tabpanel"
            id={panel}
            aria-labelledby={`${panel}-${model.tab}`}
            tabIndex={0}
          >
            <Content model={model} openRun={props.openRun} trans={trans} />
          </section>
        </>
      )}
    </div>
  );
}
