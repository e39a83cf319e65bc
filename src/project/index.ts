export * from './documents';
export * from './export';
export * from './predictions';
export * from './recipe';
export { parseDocument } from './schema';
export * from './publish';
export * from './store';
export * from './types';
