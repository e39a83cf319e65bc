/**
 * The documents that come back from outside (a file, a zip, storage of an older version), parsed once at
 * the door and trusted after. Each schema describes the newest version; `migrate.ts` runs before it.
 */
import * as v from 'valibot';
import { HeadlightError } from '../base';
import { finetuneSettingsSchema } from '../learning/finetune';
import {
  embedSettingsEntries,
  embedSettingsSchema,
  pinnedReferenceEntries,
  pinnedReferenceSchema,
} from '../models';
import { entityScores, finetuneReport } from './finetune-schema';
import {
  PROJECT_VERSION,
  RECIPE_VERSION,
  RUN_VERSION,
  type ProjectRecord,
  type Recipe,
  type RunDocument,
  type RunRecord,
} from './types';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const share = v.pipe(v.number(), v.gtValue(0), v.ltValue(1));
const probability = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'not a SHA-256 in hex'));
/** A name of a file, never a path: it becomes a storage key and a zip entry. */
const fileName = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(255),
  v.check(
    (name) => !/[/\\\0]/.test(name) && name !== '.' && name !== '..',
    'not a plain file name',
  ),
);

const encoding = v.picklist(['utf-8', 'utf-16le', 'utf-16be', 'windows-1252']);
const delimiter = v.picklist([',', '\t', ';', '|']);
const device = v.picklist(['cpu', 'wasm', 'webgpu', 'cuda']);

const splitSettings = v.variant('method', [
  v.object({
    method: v.literal('stratified'),
    testShare: share,
    seed: v.pipe(v.number(), v.integer()),
  }),
  v.object({ method: v.literal('files') }),
]);

const format = v.picklist(['table', 'conll']);

const recipeFile = v.object({
  name: fileName,
  sha256,
  format,
  encoding,
  delimiter,
  hasHeader: v.boolean(),
});

const logisticSettings = {
  type: v.literal('logistic_regression'),
  C: v.union([v.pipe(v.number(), v.gtValue(0)), v.literal('cv')]),
  Cs: v.array(v.pipe(v.number(), v.gtValue(0))),
  folds: v.pipe(v.number(), v.integer(), v.minValue(2)),
  class_weight: v.nullable(v.literal('balanced')),
  standardize: v.boolean(),
  tol: v.pipe(v.number(), v.gtValue(0)),
  max_iter: v.pipe(v.number(), v.integer(), v.minValue(1)),
  seed: v.pipe(v.number(), v.integer()),
};

const task = v.picklist(['classification', 'token_classification']);

const recipeEntries = {
  kind: v.literal('headlight.recipe'),
  schemaVersion: v.literal(RECIPE_VERSION),
  data: v.object({
    train: recipeFile,
    test: v.nullable(recipeFile),
    text: v.string(),
    text_pair: v.nullable(v.string()),
    label: v.string(),
  }),
  split: splitSettings,
  encoder: pinnedReferenceSchema,
  device,
};

export const recipeSchema = v.variant('method', [
  v.object({
    ...recipeEntries,
    method: v.literal('probe'),
    task: v.literal('classification'),
    embed: embedSettingsSchema,
    head: v.object(logisticSettings),
  }),
  v.object({
    ...recipeEntries,
    method: v.literal('finetune'),
    task,
    finetune: finetuneSettingsSchema,
  }),
]) satisfies v.GenericSchema<unknown, Recipe>;

const metrics = v.object({
  rows: count,
  accuracy: probability,
  accuracy_interval: v.tuple([v.number(), v.number()]),
  balanced_accuracy: v.number(),
  f1_macro: v.number(),
  matthews_corrcoef: v.number(),
  roc_auc: v.nullable(v.number()),
  log_loss: v.number(),
  per_class: v.array(
    v.object({
      label: v.string(),
      precision: v.number(),
      recall: v.number(),
      f1_score: v.number(),
      support: count,
    }),
  ),
  confusion_matrix: v.array(v.array(count)),
});

const leftOut = v.array(v.object({ reason: v.string(), rows: count }));
const splitCounts = {
  train_rows: count,
  test_rows: count,
  dropped_from_train: count,
  notes: v.array(v.string()),
};

const recordEncoder = {
  ...pinnedReferenceEntries,
  device,
  architecture: v.string(),
  hidden_size: count,
  notes: v.array(v.string()),
};

const recordEntries = {
  kind: v.literal('headlight.run'),
  schemaVersion: v.literal(RUN_VERSION),
  data: v.object({
    train: v.object({ ...recipeFile.entries, rows: count }),
    test: v.nullable(v.object({ ...recipeFile.entries, rows: count })),
    text: v.string(),
    text_pair: v.nullable(v.string()),
    label: v.string(),
    classes: v.array(v.string()),
    left_out: leftOut,
  }),
  split: v.variant('method', [
    v.object({
      method: v.literal('stratified'),
      testShare: share,
      seed: v.pipe(v.number(), v.integer()),
      ...splitCounts,
    }),
    v.object({ method: v.literal('files'), ...splitCounts }),
  ]),
  metrics: v.object({
    train: metrics,
    test: metrics,
    baseline: v.object({ label: v.string(), train: metrics, test: metrics }),
  }),
  environment: v.record(v.string(), v.string()),
};

export const runRecordSchema = v.variant('method', [
  v.object({
    ...recordEntries,
    method: v.literal('probe'),
    task: v.literal('classification'),
    encoder: v.object({ ...recordEncoder, ...embedSettingsEntries }),
    head: v.object({
      ...logisticSettings,
      fit: v.object({
        C: v.number(),
        crossValidation: v.nullable(
          v.array(v.object({ C: v.number(), scores: v.array(v.number()), mean: v.number() })),
        ),
        iterations: count,
        converged: v.boolean(),
        gradientNorm: v.number(),
        backend: v.string(),
        seconds: v.number(),
      }),
    }),
    timing: v.object({
      load_seconds: v.number(),
      embed_seconds: v.number(),
      fit_seconds: v.number(),
      evaluate_seconds: v.number(),
      total_seconds: v.number(),
      texts_embedded: count,
      texts_from_cache: count,
      texts_per_second: v.nullable(v.number()),
    }),
  }),
  v.object({
    ...recordEntries,
    method: v.literal('finetune'),
    task,
    encoder: v.object(recordEncoder),
    finetune: v.object({ ...finetuneSettingsSchema.entries, fit: finetuneReport }),
    entities: v.nullable(v.object({ train: entityScores, test: entityScores })),
    timing: v.object({
      load_seconds: v.number(),
      tokenize_seconds: v.number(),
      train_seconds: v.number(),
      evaluate_seconds: v.number(),
      total_seconds: v.number(),
    }),
  }),
]) satisfies v.GenericSchema<unknown, RunRecord>;

export const runDocumentSchema = v.object({
  id: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,64}$/)),
  created: v.number(),
  recipe: recipeSchema,
  record: runRecordSchema,
}) satisfies v.GenericSchema<unknown, RunDocument>;

export const projectRecordSchema = v.object({
  kind: v.literal('headlight.project'),
  schemaVersion: v.literal(PROJECT_VERSION),
  id: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,64}$/)),
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
  created: v.number(),
  modified: v.number(),
  files: v.pipe(
    v.array(v.object({ name: fileName, sha256, bytes: count })),
    v.minLength(1),
    v.maxLength(2),
  ),
  choice: v.object({
    trainFile: fileName,
    testFile: v.nullable(fileName),
    textColumn: v.nullable(v.string()),
    textPairColumn: v.nullable(v.string()),
    labelColumn: v.nullable(v.string()),
    split: splitSettings,
    parse: v.object({
      encoding: v.exactOptional(encoding),
      delimiter: v.exactOptional(delimiter),
      hasHeader: v.exactOptional(v.boolean()),
      format: v.exactOptional(format),
    }),
  }),
  rows: count,
  classes: count,
}) satisfies v.GenericSchema<unknown, ProjectRecord>;

/**
 * Parses a document by its schema.
 * @param what how the document is called in the error: `the recipe recipe.json`.
 * @throws HeadlightError `bad-project` that names the key that is wrong.
 */
export function parseDocument<Value>(
  schema: v.GenericSchema<unknown, Value>,
  value: unknown,
  what: string,
): Value {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const path = v.getDotPath(issue) ?? 'the document';
  throw new HeadlightError('bad-project', `${what} cannot be used: ${path}: ${issue.message}`, {
    hint: 'It may have been edited or cut short. Save it again from the project it came from.',
  });
}
