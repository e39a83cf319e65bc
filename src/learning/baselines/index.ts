/** Baselines beside the probe: centroids, neighbours, words. */
export * from './types';
export { nearestCentroid, type CentroidResult } from './centroid';
export { kNearest } from './neighbors';
export { nearestRows, type Neighbor } from './nearest';
export { tfidfLogistic } from './tfidf-logistic';
export { predictTfidf } from './predict-tfidf';
export { parseTfidfSettings } from './settings';
