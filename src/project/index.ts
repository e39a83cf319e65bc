export * from './documents';
export * from './export';
export * from './predictions';
export * from './recipe';
export { parseDocument, projectRecordSchema } from './schema';
export * from './publish';
export * from './store';
export * from './types';
