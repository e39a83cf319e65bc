/** Probe heads: fitting, predicting, keeping. */
export * from './types';
export { fitLogistic } from './fit';
export { decisionFunction, foldScaler, predictLabels, predictProbabilities } from './predict';
export { headFromJson, headToJson, type HeadJson } from './json';
export { parseLogisticSettings } from './settings';
