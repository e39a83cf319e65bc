/** Active learning: which text to label next, what the labels have brought, and whether more of them help. */
export * from './types';
export { chooseRows, type PoolState } from './choose';
export { Coverage } from './coverage';
export { unsureScores, type UnsureBy } from './uncertainty';
export * from './curve';
export { ACTIVE_C, ActiveLearner, type LearnerOptions, type PoolLabel } from './learner';
