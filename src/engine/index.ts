export * from './create';
export * from './engine';
export * from './wire';
