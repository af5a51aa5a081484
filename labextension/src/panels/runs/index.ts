/** The left panel's content: experiments and their runs, and the sections of everything else. */
export { RunsBody } from './body';
export { RunsModel } from './model';
