/** Graphs that differentiate themselves. */
export { differentiate } from './differentiate';
export {
  accumulateGraph,
  adamwGraph,
  adamwGroups,
  adamwScalars,
  gradientNormGraph,
  optimiserNames,
  SUM_OF_SQUARES,
  type AdamwSettings,
  type AdamwStep,
  type OptimisedParameter,
} from './optimiser';
export type * from './types';
