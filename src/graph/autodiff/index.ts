/** Graphs that differentiate themselves. */
export type * from './types';
