/** The floor under every room: errors, jobs, seeded randomness, hashes. Depends on nothing. */
export * from './error';
export * from './hash';
export * from './job';
export * from './random';
export { Sha256 } from './sha256';
export type * from './training-progress';
export * from './sha256';
