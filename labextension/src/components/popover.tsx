import * as React from 'react';

/** A button that opens a small dialog below it; Escape and a click elsewhere close it. */
export function Popover(props: {
  label: string;
  /** What the button shows; the label without it. */
  button?: React.ReactNode;
  className?: string;
  children: (close: () => void) => React.ReactNode;
}): JSX.Element {
  const [open, setOpen] = React.useState(false);
  const [right, setRight] = React.useState(false);
  const holder = React.useRef<HTMLDivElement>(null);
  const button = React.useRef<HTMLButtonElement>(null);
  const close = React.useCallback(() => {
    setOpen(false);
    button.current?.focus();
  }, []);
  React.useEffect(() => {
    if (!open) {
      return;
    }
    holder.current?.querySelector<HTMLElement>('[role=dialog] input, [role=dialog] button')?.focus();
    const outside = (event: PointerEvent) => {
      if (!holder.current?.contains(event.target as Node)) {
        setOpen(false);
      }
    };
    // At the document: what had the focus may have gone with a click on it.
    const escape = (event: KeyboardEvent) => {
      if (event.key === 'Escape') {
        event.stopPropagation();
        close();
      }
    };
    document.addEventListener('pointerdown', outside, true);
    document.addEventListener('keydown', escape, true);
    return () => {
      document.removeEventListener('pointerdown', outside, true);
      document.removeEventListener('keydown', escape, true);
    };
  }, [open, close]);
  return (
    <div className={`aml-Popover ${props.className ?? ''}`} ref={holder}>
      <button
        className="aml-Button"
        ref={button}
        aria-haspopup="dialog"
        aria-expanded={open}
        onClick={() => {
          const place = button.current?.getBoundingClientRect();
          const page = button.current?.closest('.aml-Wide')?.getBoundingClientRect();
          setRight(place !== undefined && page !== undefined && place.left - page.left > page.width / 2);
          setOpen(!open);
        }}
      >
        {props.button ?? props.label}
      </button>
      {open && (
        <div className={`aml-Popover-box${right ? ' aml-mod-right' : ''}`} role="dialog" aria-label={props.label}>
          {props.children(close)}
        </div>
      )}
    </div>
  );
}
