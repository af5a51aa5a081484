/** How an experiment's runs are looked at: what a saved view keeps. */
export interface IView {
  /** Part of a name or id. */
  text: string;
  /** In the language of docs/filters.md. */
  filter: string;
  /** A field, `-` in front for descending. */
  order: string;
  /** Ids of columns; null: those that suit the experiment. */
  columns: string[] | null;
  /** Of columns, in pixels. */
  widths: Record<string, number>;
  /** The field that groups; "" for none. */
  group: string;
  /** Whether runs below others are listed, too. */
  everywhere: boolean;
  /** Whether runs that were put away are listed instead of the others. */
  archived: boolean;
  /** The metric of the charts; "" for the first one. */
  metric: string;
  /** Whether the charts are shown. */
  charts: boolean;
}

export const FIRST_VIEW: IView = {
  text: '',
  filter: '',
  order: '-created',
  columns: null,
  widths: {},
  group: '',
  everywhere: false,
  archived: false,
  metric: '',
  charts: true
};

/** Views of an experiment by their names; that under "" is the one that was left last. */
export type Views = Record<string, Partial<IView>>;

/** Where views are kept. */
export interface IViewStore {
  load(experiment: string): Views;
  save(experiment: string, views: Views): Promise<void>;
}

/** A view from what was kept of it: what is missing, or is not what it should be, is as at first. */
export function readView(kept: unknown): IView {
  const given = (typeof kept === 'object' && kept !== null ? kept : {}) as Record<string, unknown>;
  const view: IView = { ...FIRST_VIEW };
  for (const key of ['text', 'filter', 'order', 'group', 'metric'] as const) {
    if (typeof given[key] === 'string') {
      view[key] = given[key];
    }
  }
  for (const key of ['everywhere', 'archived', 'charts'] as const) {
    if (typeof given[key] === 'boolean') {
      view[key] = given[key];
    }
  }
  if (Array.isArray(given.columns) && given.columns.every(one => typeof one === 'string') && given.columns.length > 0) {
    view.columns = [...new Set(given.columns as string[])];
  }
  if (typeof given.widths === 'object' && given.widths !== null) {
    const pairs = Object.entries(given.widths).filter(([, width]) => typeof width === 'number' && width >= 48);
    view.widths = Object.fromEntries(pairs) as Record<string, number>;
  }
  return view;
}
