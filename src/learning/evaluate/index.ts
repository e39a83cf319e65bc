/** Evaluation: metrics with intervals, curves, calibration, baselines to beat, and what the figures mean. */
export * from './types';
export { evaluate, majorityBaseline } from './metrics';
export * from './detailed';
export * from './curves';
export { averagePrecision, rocAuc } from './ranking';
export * from './calibration';
export * from './threshold';
export * from './multi-label';
export * from './temperature';
export { wilsonInterval } from './interval';
export * from './bootstrap';
export * from './repeats';
export * from './learning-curve';
export * from './gap';
export * from './sure-and-wrong';
export * from './word-importance';
export { entitiesOf, entityScores, type Entity, type EntityScores } from './entities';
export { mcnemar, type McNemar } from './mcnemar';
