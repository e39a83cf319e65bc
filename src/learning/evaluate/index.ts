/** Evaluation: metrics with intervals, and the baseline to beat. */
export * from './types';
export { evaluate, majorityBaseline } from './metrics';
