/** Encoders: where they come from, what they read, and the features they give. */
export * from './checkpoints';
export * from './text';
export * from './types';
