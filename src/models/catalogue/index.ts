/** The catalogue of models of the Hub that ships with Headlight, and search in it. */
export { readHubCatalogue, type CatalogueModel, type HubCatalogue } from './types';
export { LANGUAGES, languageName } from './languages';
export { searchCatalogue, type CatalogueQuery } from './search';
