import { LabIcon } from '@jupyterlab/ui-components';

/** Points that rise: the mark of jupyter_aml. */
export const amlIcon = new LabIcon({
  name: 'jupyter-aml:icon',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">
  <g class="jp-icon3" fill="#616161">
    <path d="M4 3h2v15h15v2H4z"/>
    <circle cx="9.5" cy="14" r="1.9"/><circle cx="14" cy="9.5" r="1.9"/><circle cx="19" cy="5.5" r="1.9"/>
    <path d="M9 13.2l4.5-4.6.9.9-4.6 4.6zM13.7 8.9l4.9-4 .8 1-4.9 4z"/>
  </g></svg>`
});

/** A filled point in a ring: what is recorded. */
export const trackIcon = new LabIcon({
  name: 'jupyter-aml:track',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" width="16">
  <g class="jp-icon3" fill="#616161">
    <path d="M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zm0 1.3a5.2 5.2 0 1 1 0 10.4A5.2 5.2 0 0 1 8 2.8z"/>
    <circle class="aml-Track-point" cx="8" cy="8" r="3"/>
  </g></svg>`
});

/** A clock that runs backwards. */
export const historyIcon = new LabIcon({
  name: 'jupyter-aml:history',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">
  <path class="jp-icon3" fill="#616161" d="M13 3a9 9 0 0 0-9 9H1l4 4 4-4H6a7 7 0 1 1 2.05 4.95l-1.42 1.42A9 9 0 1 0 13 3zm-1 5v5l4.2 2.5.8-1.3-3.5-2.1V8z"/>
  </svg>`
});
