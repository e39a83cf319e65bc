/** Texts in, features out: the job, a session kept open for single texts, and the choice of device. */
export { openEmbedder, type Embedder, type EmbedderOptions, type Features } from './embedder';
export { rowCosines } from './cosine';
export { embedTexts, type EmbedRequest, type EmbedResult } from './embed-texts';
export {
  checkDevice,
  measureDevices,
  type MeasuredChoice,
  type MeasuredDevice,
  type MeasureRequest,
} from './measure';
