/** Evaluation: metrics with intervals, the baseline to beat, entities, and two classifiers compared. */
export * from './types';
export { evaluate, majorityBaseline } from './metrics';
export { wilsonInterval } from './interval';
export { entitiesOf, entityScores, type Entity, type EntityScores } from './entities';
export { mcnemar, type McNemar } from './mcnemar';
