/** How documents name an encoder and its settings: one schema for recipes, runs and what is kept here. */
import * as v from 'valibot';
import { PRECISION_NAMES } from './precisions';
import type { OwnClassifier } from './encoders';
import type { EmbedSettings, EncoderReference } from './types';

export const embedSettingsEntries = {
  layer: v.pipe(v.number(), v.integer(), v.minValue(0)),
  layerWeights: v.exactOptional(
    v.pipe(
      v.array(v.pipe(v.number(), v.minValue(0))),
      v.minLength(1),
      v.maxLength(1001),
      v.readonly(),
    ),
  ),
  pooling: v.picklist(['mean', 'cls', 'max', 'last']),
  normalize: v.boolean(),
  maxTokens: v.pipe(v.number(), v.integer(), v.minValue(3)),
};

export const embedSettingsSchema = v.object(embedSettingsEntries) satisfies v.GenericSchema<
  unknown,
  EmbedSettings
>;

/** Of an encoder that was loaded: its revision is known. */
export const pinnedReferenceEntries = {
  source: v.picklist(['shipped', 'hub', 'folder', 'host']),
  id: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
  revision: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
  precision: v.picklist(PRECISION_NAMES),
};

export const pinnedReferenceSchema = v.object(pinnedReferenceEntries) satisfies v.GenericSchema<
  unknown,
  EncoderReference
>;

export const ownClassifierSchema = v.object({
  task: v.picklist(['classification', 'multi_label', 'token_classification']),
  classes: v.array(v.string()),
  problem: v.nullable(v.string()),
  label2id: v.exactOptional(v.record(v.string(), v.number())),
}) satisfies v.GenericSchema<unknown, OwnClassifier>;
