import { IRenderMimeRegistry, MimeModel } from '@jupyterlab/rendermime';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

/** Cells that are drawn at first. */
const FIRST = 100;

type Bundle = Record<string, unknown>;

interface IOutput {
  output_type: string;
  name?: string;
  text?: string | string[];
  data?: Bundle;
  metadata?: Bundle;
  ename?: string;
  evalue?: string;
  traceback?: string[];
}

interface INotebookCell {
  cell_type: string;
  source: string | string[];
  execution_count?: number | null;
  outputs?: IOutput[];
  metadata?: { jupyter_aml?: { run?: string } };
}

export interface INotebookViewProps {
  /** The notebook document. */
  content: unknown;
  /** What draws outputs; without it, they are shown as text. */
  rendermime: IRenderMimeRegistry | null;
  /** Leads from a cell to its run. */
  openRun?: (run: { id: string }) => void;
  trans: TranslationBundle;
}

/** A notebook to be read: sources with their outputs beside them. Nothing in it is trusted. */
export function NotebookView(props: INotebookViewProps): JSX.Element {
  const { content, rendermime, openRun, trans } = props;
  const [shown, setShown] = React.useState(FIRST);
  const given = (content as { cells?: unknown } | null)?.cells;
  const cells = Array.isArray(given) ? (given as INotebookCell[]) : [];
  if (cells.length === 0) {
    return <p className="aml-Message">{trans.__('This notebook has no cells.')}</p>;
  }
  return (
    <div className="aml-NotebookView">
      {cells.slice(0, shown).map((cell, index) => {
        const source = joined(cell.source);
        const run = cell.metadata?.jupyter_aml?.run;
        if (cell.cell_type !== 'code') {
          const bundle = cell.cell_type === 'markdown' ? { 'text/markdown': source } : { 'text/plain': source };
          return (
            <div key={index} className="aml-NotebookView-text">
              <Rendered bundle={bundle} rendermime={rendermime} />
            </div>
          );
        }
        return (
          <section key={index} className="aml-NotebookView-cell" aria-label={trans.__('Cell %1', index + 1)}>
            <div className="aml-NotebookView-count">
              [{cell.execution_count ?? ' '}]
              {run && openRun ? (
                <button className="aml-Link" onClick={() => openRun({ id: run })}>
                  {trans.__('Run')}
                </button>
              ) : null}
            </div>
            <pre className="aml-Code" tabIndex={0}>
              {source}
            </pre>
            <div className="aml-NotebookView-outputs">
              {(cell.outputs ?? []).map((output, at) => (
                <Rendered key={at} {...bundleOf(output)} rendermime={rendermime} />
              ))}
            </div>
          </section>
        );
      })}
      {cells.length > shown && (
        <button className="jp-mod-styled" onClick={() => setShown(cells.length)}>
          {trans.__('Show all %1 cells', cells.length)}
        </button>
      )}
    </div>
  );
}

function joined(text: unknown): string {
  return Array.isArray(text) ? text.join('') : String(text ?? '');
}

/** An output as the renderers take it. */
function bundleOf(output: IOutput): { bundle: Bundle; metadata?: Bundle } {
  if (output.output_type === 'stream') {
    const type = output.name === 'stderr' ? 'stderr' : 'stdout';
    return { bundle: { [`application/vnd.jupyter.${type}`]: joined(output.text) } };
  }
  if (output.output_type === 'error') {
    const text = output.traceback?.join('\n') || `${output.ename}: ${output.evalue}`;
    return { bundle: { 'application/vnd.jupyter.stderr': text } };
  }
  const data = Object.entries(output.data ?? {}).map(([type, value]) => [
    type,
    Array.isArray(value) && !type.endsWith('json') ? value.join('') : value
  ]);
  return { bundle: Object.fromEntries(data) as Bundle, metadata: output.metadata };
}

/** A bundle as JupyterLab draws it, without trust: HTML is made harmless, scripts do not run. */
function Rendered(props: {
  bundle: Bundle;
  metadata?: Bundle;
  rendermime: IRenderMimeRegistry | null;
}): JSX.Element | null {
  const { rendermime } = props;
  const holder = React.useRef<HTMLDivElement>(null);
  const key = JSON.stringify([props.bundle, props.metadata]);
  React.useEffect(() => {
    const node = holder.current;
    const [data, metadata] = JSON.parse(key) as ReadonlyPartialJSONObject[];
    const type = rendermime?.preferredMimeType(data, 'any');
    if (!node || !rendermime || !type) {
      return;
    }
    const renderer = rendermime.createRenderer(type);
    Widget.attach(renderer, node);
    renderer.renderModel(new MimeModel({ data, metadata: metadata ?? {}, trusted: false })).catch((error: Error) => {
      node.textContent = error.message;
    });
    return () => renderer.dispose();
  }, [rendermime, key]);
  if (!rendermime) {
    return <pre>{joined(Object.values(props.bundle)[0])}</pre>;
  }
  return <div className="aml-Rendered jp-RenderedHTMLCommon" ref={holder} />;
}
