export * from './documents';
export * from './export';
export * from './predictions';
export * from './recipe';
export * from './store';
export * from './types';
