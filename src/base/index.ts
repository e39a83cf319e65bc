/** The floor under every room: errors, jobs, seeded randomness, hashes. Depends on nothing. */
export * from './bytes';
export * from './crc32';
export * from './error';
export * from './hash';
export * from './job';
export * from './json';
export * from './random';
export * from './sha1';
export type * from './training-progress';
export * from './sha256';
