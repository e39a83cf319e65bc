/** Labelling: teachers that propose labels, and how proposals become labels to learn from. */
export * from './types';
