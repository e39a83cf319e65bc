export * from './classifier';
export * from './create';
export * from './engine';
export type * from './finetuning-types';
export * from './report-types';
export { labelRows, textRows, type LabelledRows, type TextRows } from './text-rows';
export { FINETUNE_DEFAULTS, parseFinetuneSettings, PRESETS } from '../learning/finetune';
export * from './wire';
