export * from './classifier';
export * from './create';
export * from './engine';
export * from './wire';
