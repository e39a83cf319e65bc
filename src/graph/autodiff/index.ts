/** Graphs that differentiate themselves. */
export { differentiate } from './differentiate';
export type * from './types';
