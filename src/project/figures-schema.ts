/** Figures of runs, heads and how they were fitted, as schemas. */
import * as v from 'valibot';
import type { FittedTemperature, Metrics, MultiLabelMetrics } from '../learning/evaluate';
import type { HeadSettings } from '../learning/heads';
import type { Baselines, ClassFigures, FittedSettings, MultiLabelFigures } from './types';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const probability = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const positive = v.pipe(v.number(), v.gtValue(0));
const whole = v.pipe(v.number(), v.integer());
const score = v.nullable(v.number());

const metrics = v.object({
  rows: count,
  accuracy: probability,
  accuracy_interval: v.tuple([v.number(), v.number()]),
  balanced_accuracy: v.number(),
  f1_macro: v.number(),
  matthews_corrcoef: v.number(),
  roc_auc: score,
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
}) satisfies v.GenericSchema<unknown, Metrics>;

const averages = { precision: v.number(), recall: v.number(), f1_score: v.number() };
const ranking = { roc_auc: score, average_precision: score };
const pairOfCounts = v.tuple([count, count]);

const multiLabelMetrics = v.object({
  rows: count,
  per_label: v.array(
    v.object({
      ...averages,
      ...ranking,
      label: v.string(),
      support: count,
      threshold: v.number(),
      confusion_matrix: v.tuple([pairOfCounts, pairOfCounts]),
    }),
  ),
  micro: v.object({ ...averages, ...ranking }),
  micro_f1_interval: v.optional(v.tuple([v.number(), v.number()])),
  macro: v.object({ ...averages, ...ranking }),
  weighted: v.object({ ...averages, ...ranking }),
  samples: v.object(averages),
  subset_accuracy: v.number(),
  hamming_loss: v.number(),
  label_ranking_average_precision: score,
  coverage_error: score,
}) satisfies v.GenericSchema<unknown, MultiLabelMetrics>;

const classFigures = v.object({
  train: metrics,
  validation: v.nullable(metrics),
  test: metrics,
  test_unshared: v.nullable(metrics),
  baseline: v.object({ label: v.string(), train: metrics, test: metrics }),
}) satisfies v.GenericSchema<unknown, ClassFigures>;

const multiLabelFigures = v.object({
  train: multiLabelMetrics,
  validation: v.nullable(multiLabelMetrics),
  test: multiLabelMetrics,
  test_unshared: v.nullable(multiLabelMetrics),
  thresholds: v.array(probability),
}) satisfies v.GenericSchema<unknown, MultiLabelFigures>;

export const runFigures = v.union([classFigures, multiLabelFigures]);

const eitherMetrics = v.union([metrics, multiLabelMetrics]);
const baseline = v.nullable(
  v.object({
    train: v.nullable(eitherMetrics),
    test: eitherMetrics,
    seconds: v.number(),
    notes: v.array(v.string()),
  }),
);

export const baselines = v.nullable(
  v.object({
    tfidf_logistic: baseline,
    nearest_centroid: baseline,
    k_nearest: baseline,
    verdict: v.string(),
  }),
) satisfies v.GenericSchema<unknown, Baselines | null>;

export const calibration = v.nullable(
  v.object({
    temperature: positive,
    nll_before: v.number(),
    nll_after: v.number(),
    at_bound: v.boolean(),
  }),
) satisfies v.GenericSchema<unknown, FittedTemperature | null>;

const logistic = {
  type: v.literal('logistic_regression'),
  C: v.union([positive, v.literal('cv')]),
  Cs: v.array(positive),
  folds: v.pipe(v.number(), v.integer(), v.minValue(2)),
  class_weight: v.nullable(v.literal('balanced')),
  standardize: v.boolean(),
  tol: positive,
  max_iter: v.pipe(v.number(), v.integer(), v.minValue(1)),
  seed: whole,
};

const mlp = {
  type: v.literal('mlp'),
  hidden: v.pipe(v.number(), v.integer(), v.minValue(1)),
  alpha: v.pipe(v.number(), v.minValue(0)),
  learning_rate: positive,
  batch_size: v.union([v.literal('auto'), v.pipe(v.number(), v.integer(), v.minValue(1))]),
  max_iter: v.pipe(v.number(), v.integer(), v.minValue(1)),
  early_stopping: v.boolean(),
  validation_fraction: v.pipe(v.number(), v.gtValue(0), v.ltValue(1)),
  n_iter_no_change: v.pipe(v.number(), v.integer(), v.minValue(1)),
  tol: v.pipe(v.number(), v.minValue(0)),
  standardize: v.boolean(),
  seed: whole,
};

export const headSettings = v.variant('type', [
  v.object(logistic),
  v.object(mlp),
]) satisfies v.GenericSchema<unknown, HeadSettings>;

const crossValidation = v.nullable(
  v.array(v.object({ C: v.number(), scores: v.array(v.number()), mean: v.number() })),
);
const fitOf = {
  C: v.number(),
  crossValidation,
  iterations: count,
  converged: v.boolean(),
  gradientNorm: v.number(),
};
const ran = { backend: v.string(), seconds: v.number() };
const notes = v.array(v.string());

export const fittedHead = v.variant('type', [
  v.object({
    ...logistic,
    fit: v.union([
      v.object({ ...fitOf, ...ran }),
      v.object({
        labels: v.array(
          v.object({ ...fitOf, label: v.string(), constant: v.nullable(v.picklist([0, 1])) }),
        ),
        converged: v.boolean(),
        notes,
        ...ran,
      }),
    ]),
  }),
  v.object({
    ...mlp,
    fit: v.object({
      lossCurve: v.array(v.number()),
      validationScores: v.nullable(v.array(v.number())),
      epochs: count,
      converged: v.boolean(),
      notes,
      ...ran,
    }),
  }),
]) satisfies v.GenericSchema<unknown, FittedSettings>;
