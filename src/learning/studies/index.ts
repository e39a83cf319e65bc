/** Studies of a probe: what more rows bring, how much the split matters. */
export * from './types';
export { curveRuns, learningCurve } from './learning-curve';
export { repeatedFits } from './repeats';
