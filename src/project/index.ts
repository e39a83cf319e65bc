export * from './documents';
export * from './export';
export * from './predictions';
export * from './recipe';
export { choiceOfVersion2 } from './migrate';
export { MOST_FILES, parseDocument, projectRecordSchema } from './schema';
export * from './publish';
export * from './store';
export * from './types';
