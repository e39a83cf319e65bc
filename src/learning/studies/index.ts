/** Studies of a probe: what more rows bring, how much the split matters. */
export * from './types';
export { curveRuns, learningCurve } from './learning-curve';
export { repeatedFits } from './repeats';
// What other judgements that hold rows out share with the studies.
export { stratifiedGroupFolds } from './draws';
