/** Where models come from, and how they are kept. */
export {
  clearCached,
  listCached,
  listLeftovers,
  removeCached,
  type CachedModel,
  type Leftover,
  type ListedModel,
} from './cache';
export { openEncoder, type Encoder, type EncoderFacts, type ModelFile } from './encoder';
export { DEFAULT_HOST } from './hub-api';
export { addFolder, loadEncoder, type LoadOptions, type ModelSources } from './load';
export { listShipped, readCatalogue, type Catalogue, type CatalogueEntry } from './shipped';
