/** Fine-tuning: settings, the training loop, its measures. */
export type * from './types';
