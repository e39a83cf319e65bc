/** Probes: what a layer knows, whether the probe found it or learned it, and what it costs to say. */
export * from './types';
export { fitCell } from './fit-cell';
export {
  CAPACITY_FAMILIES,
  FAMILIES,
  familyName,
  parametersOf,
  SENTEVAL_CS,
  type FamilySource,
  type NamedFamily,
} from './families';
export {
  onlineBlocks,
  onlineCode,
  onlineCs,
  onlineOrder,
  onlineRequests,
  type OnlineCode,
} from './online-code';
export { controlLabels, controlRequest, labelCounts } from './control';
export { selectivity } from './selectivity';
export { logMe } from './log-me';
export { hScore, type HScore } from './h-score';
export { rankLayer, type LayerRanking } from './rank-layer';
export { alignmentMap, linearCka, type AlignmentContext } from './alignment';
export {
  fitScalarMix,
  type MixContext,
  type MixRequest,
  type MixResult,
  type ScalarMix,
} from './scalar-mix';
export { variationalCode, type VariationalCode, type VariationalRequest } from './variational-code';
