export * from './classifier';
export * from './create';
export * from './engine';
export type * from './finetuning-types';
export { labelRows, textRows, type LabelledRows, type TextRows } from './text-rows';
export * from './wire';
