/** Probe heads: fitting, predicting, keeping. */
export * from './types';
export { fitLogistic } from './fit';
export { CONSTANT_LOGIT, fitOneVsRest, type MultiLabelContext } from './one-vs-rest';
export { fitMlp, type MlpContext } from './fit-mlp';
export { fitHead, predictHead } from './fit-head';
export {
  DEFAULT_OUT_OF_FOLD,
  outOfFold,
  type OutOfFold,
  type OutOfFoldSettings,
} from './out-of-fold';
export {
  decisionFunction,
  foldScaler,
  predictLabels,
  predictProbabilities,
  probabilitiesOf,
} from './predict';
export { applyThresholds, multiLabelLogits, predictMultiLabel } from './predict-multi-label';
export { mlpLogits, predictMlp } from './predict-mlp';
export { DEFAULT_THRESHOLD, tuneThresholds, type TunedThresholds } from './thresholds';
export { Refitter, type RefitSettings, type WarmHead } from './refit';
export { ScoredRows } from './score';
export { headFromJson, headToJson, type HeadJson } from './json';
export {
  anyHeadFromJson,
  anyHeadToJson,
  type AnyHeadJson,
  type MlpHeadJson,
  type MultiLabelHeadJson,
} from './json-any';
export { parseHeadSettings, parseLogisticSettings, parseMlpSettings } from './settings';
// What the baselines share with the heads.
export { stratifiedFolds } from './folds';
export { Lbfgs } from './lbfgs';
export { visitLoss, type Tally } from './objective';
export { stopping } from './pause';
export { loadTensorFlow, tf } from './tensorflow';
export { checkFinite } from './design';
export { type Weighting } from './weighting';
export { checkLabels, isUndecided, rowWeights, undecidedNote } from './fit';
export { columnOf, countTargets } from './multi-label-input';
// What the probes of a layer study share with them.
export { fitBatch, type FitRequest, type FitStep } from './batch';
export { type Design } from './design';
export { gram, type Kernels } from './kernels';
export { OnnxKernels } from './onnx-kernels';
export { Products } from './products';
export { TensorKernels } from './tensor-kernels';
export { kernelsOf, type HeadContext } from './context';
