/** Colours of lines, from the theme: what tells runs apart in charts, legends and tables. */
const COLOURS = [
  '--jp-brand-color1',
  '--jp-icon-contrast-color2',
  '--jp-success-color1',
  '--jp-icon-contrast-color0',
  '--jp-warn-color0',
  '--jp-error-color1',
  '--jp-mirror-editor-variable-2-color',
  '--jp-ui-font-color2'
];

/** Beyond the colours there are, lines differ by their dashes, too. */
const DASHES: number[][] = [[], [6, 3], [2, 3], [10, 3, 2, 3]];

/** The name of the n-th line's variable. */
export function colourName(index: number): string {
  return COLOURS[index % COLOURS.length];
}

/** The n-th line's colour as CSS. */
export function colour(index: number): string {
  return `var(${colourName(index)})`;
}

/** The n-th line's dashes, in pixels; none for a whole line. */
export function dashes(index: number): number[] {
  return DASHES[Math.floor(index / COLOURS.length) % DASHES.length];
}
