/** Encoders: where they come from, what they read, and the features they give. */
export * from './catalogue';
export * from './checkpoints';
export * from './embed';
export * from './encoders';
export * from './hub';
export * from './precisions';
export * from './schema';
export * from './text';
export * from './types';
export * from './zips';
