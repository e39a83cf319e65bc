export * from './documents';
export * from './export';
export * from './predictions';
export * from './recipe';
export { finetuneSettingsSchema } from './finetune-schema';
export { parseDocument } from './schema';
export * from './publish';
export * from './store';
export * from './types';
