import { DisposableDelegate, IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { ISection, ISectionContent, ISections } from '../../tokens';

/** Where it is kept which sections are open. */
export interface IOpenStore {
  load(): Promise<string[] | null>;
  save(open: string[]): Promise<unknown>;
}

/** The sidebar's sections, which of them are open, and what those show. No DOM. */
export class SectionsModel implements ISections {
  constructor(private readonly _store: IOpenStore) {
    void this._store.load().then(open => {
      if (open) {
        this._open = new Set(open);
        this._changed.emit();
      }
    });
  }

  get sections(): readonly ISection[] {
    return this._sections;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  add(section: ISection): IDisposable {
    this._sections = [...this._sections, section].sort((a, b) => a.rank - b.rank);
    this._changed.emit();
    return new DisposableDelegate(() => {
      this._sections = this._sections.filter(one => one !== section);
      void this._contents.get(section.id)?.then(content => content.dispose());
      this._contents.delete(section.id);
      this._changed.emit();
    });
  }

  /** What a section shows: made once. */
  content(section: ISection): Promise<ISectionContent> {
    let content = this._contents.get(section.id);
    if (!content) {
      content = section.load();
      this._contents.set(section.id, content);
    }
    return content;
  }

  isOpen(id: string): boolean {
    return this._open.has(id);
  }

  toggle(id: string): void {
    if (!this._open.delete(id)) {
      this._open.add(id);
    }
    this._changed.emit();
    void this._store.save([...this._open]);
  }

  /** Open a section. */
  show(id: string): void {
    if (!this.isOpen(id)) {
      this.toggle(id);
    }
  }

  private _open = new Set(['experiments']);
  private _sections: ISection[] = [];
  private readonly _contents = new Map<string, Promise<ISectionContent>>();
  private readonly _changed = new Signal<this, void>(this);
}
