/** Labelling: teachers that propose labels, and how proposals become labels to learn from. */
export * from './types';
export {
  handLabelSchema,
  labellingSettingsEntries,
  labellingSettingsSchema,
  MOST_CLASSES,
  parseLabellingSettings,
} from './settings';
export {
  hypothesesOf,
  needNliLabels,
  nliLabels,
  zeroShotScores,
  type Hypotheses,
  type NliLabels,
  type NliLogits,
} from './nli';
export { combineVotes } from './combine';
export { sameRows, sureRows, type SureRequest, type SureRows } from './self-training';
export {
  compileRules,
  matchesOf,
  RULE_CHARACTERS,
  ruleProblem,
  ruleVotes,
  type CompiledRules,
} from './rules';
export * from './active';
export {
  makePrototypes,
  prototypeTexts,
  similarityVotes,
  type Prototypes,
  type PrototypeTexts,
} from './similarity';
