/** What the audit found, mended: labels in every part, rows in training only. */
export { applyRepairs, splitRepaired, type Repaired } from './apply';
export { labelNames } from './labels';
