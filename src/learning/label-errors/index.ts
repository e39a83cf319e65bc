/** Likely label errors: confident learning on out-of-fold probabilities, and texts alike with different labels. */
export * from './types';
export { findLabelIssues } from './find-issues';
export { estimateNoise } from './noise';
export {
  DEFAULT_NEAR,
  nearPairs,
  type NearPair,
  type NearPairs,
  type NearPairSettings,
} from './near-pairs';
