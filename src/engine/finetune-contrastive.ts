/**
 * Few labels (SetFit, Tunstall et al. 2022, https://arxiv.org/abs/2209.11055): the encoder learns from pairs of texts
 * which of them are alike; then a logistic regression on its embeddings of the training texts becomes the head.
 *
 * The head is linear on the mean of the tokens, so that whatever runs the `mean` head runs it. What is fitted to
 * are those means divided by their average length: `head_C` then means what it means in SetFit, whose
 * embeddings have length 1.
 */
import { HeadlightError, type Job } from '../base';
import {
  contrastiveOf,
  contrastivePairs,
  pairExamples,
  predictLogits,
  type Example,
  type FinetuneData,
  type FinetuneEstimate,
  type FinetuneRequest,
  type FinetuneResult,
  type FinetuneSettings,
  type PairCounts,
} from '../learning/finetune';
import {
  DEFAULT_LOGISTIC,
  fitLogistic,
  fitOneVsRest,
  foldScaler,
  type LogisticSettings,
  type Matrix,
} from '../learning/heads';
import type { TrainableModel } from '../models';
import type { Platform } from '../platform';
import { labelsOf } from './figures';
import type { FinetuneRows, TokenizedRows } from './finetune-data';
import type { OpenFinetune } from './finetune-open';
import type { FinetuneChoice } from './finetuning-types';
import type { Prepared } from './prepare';
import { studentRows, studentTemperature } from './students';
import type { Sequence } from './tokenize';
import { headContext } from './head-context';

/** Of either kind for each text, as in the paper. */
const USUAL_PAIRS = 20;
/** Pairs of held-out texts that an evaluation goes through. */
const EVALUATED_PAIRS = 1000;

export interface PairedRows {
  readonly data: FinetuneData;
  readonly pairs: PairCounts;
}

/**
 * @returns null where the settings ask for no pairs.
 * @throws HeadlightError `bad-setting` for words or for too many texts, `bad-labels` where a class has no text.
 */
export function pairedRows(
  prepared: Prepared,
  rows: FinetuneRows,
  { data, train, validation }: TokenizedRows,
  settings: FinetuneSettings,
): PairedRows | null {
  const asked = contrastiveOf(settings);
  if (asked === null) return null;
  if (prepared.task === 'token_classification') {
    throw new HeadlightError('bad-setting', 'Pairs are of texts that have a class, not of words.', {
      hint: 'Set objective to "classification" for token classification.',
    });
  }
  checkClasses(prepared, rows.train);
  const { max_steps, per_device_train_batch_size, gradient_accumulation_steps, seed } = settings;
  const pairs = contrastivePairs({
    rows: rows.train.length,
    alike: alikeness(prepared, rows.train),
    settings: asked,
    seed,
    most:
      max_steps > 0 ? max_steps * per_device_train_batch_size * gradient_accumulation_steps : null,
  });
  return {
    data: {
      ...data,
      train: pairExamples(train, pairs),
      validation: evaluated(prepared, rows.validation, validation, settings),
    },
    pairs: pairs.counts,
  };
}

function evaluated(
  prepared: Prepared,
  rows: Int32Array,
  sequences: readonly Sequence[],
  { eval_strategy, seed }: FinetuneSettings,
): readonly Example[] {
  if (eval_strategy === 'no' || rows.length === 0) return [];
  const pairs = contrastivePairs({
    rows: rows.length,
    alike: alikeness(prepared, rows),
    settings: { sampling_strategy: 'unique', num_iterations: null, head_C: 1 },
    seed,
    most: EVALUATED_PAIRS,
  });
  return pairExamples(sequences, pairs);
}

/** A sentence where it is long because of how many pairs there are. */
export function adviceOnPairs(
  { rows, contrastive }: Pick<OpenFinetune, 'rows' | 'contrastive'>,
  { settings }: Pick<FinetuneChoice, 'settings'>,
  { seconds, advice }: Pick<FinetuneEstimate, 'seconds' | 'advice'>,
): string[] {
  if (contrastive === null || advice.length === 0) return [];
  const { positive, negative } = contrastive.pairs;
  const fewer = 2 * USUAL_PAIRS * rows.train.length;
  if (settings.max_steps > 0 || positive + negative <= fewer) return [];
  const minutes = Math.max(1, Math.round((seconds * fewer) / (positive + negative) / 60));
  return [
    `There are ${positive + negative} pairs; with ${USUAL_PAIRS} a text (num_iterations) there are ${fewer}, in about ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}.`,
  ];
}

/** The same class; of several labels a text: at least one in common. */
function alikeness(
  { data }: Prepared,
  rows: Int32Array,
): (first: number, second: number) => boolean {
  const { targets, labels, classes } = data;
  const at = (place: number): number => rows[place] ?? -1;
  if (targets === null) return (first, second) => labels[at(first)] === labels[at(second)];
  const k = classes.length;
  return (first, second) => {
    for (let c = 0; c < k; c++)
      if (targets[at(first) * k + c] === 1 && targets[at(second) * k + c] === 1) return true;
    return false;
  };
}

/** The head is fitted last; that it cannot be is said before the hours of training. */
function checkClasses(prepared: Prepared, rows: Int32Array): void {
  const { classes, targets } = prepared.data;
  if (targets !== null) return;
  const found = new Set(labelsOf(prepared, rows));
  const missing = classes.find((_, index) => !found.has(index));
  if (missing === undefined && classes.length > 1) return;
  throw new HeadlightError(
    'bad-labels',
    missing === undefined
      ? 'There is only one class: no two texts could be unlike.'
      : `No text of the class “${missing}” is left to learn from.`,
    { hint: 'Label at least one text of each class, better eight; or train on more of the rows.' },
  );
}

/** The classifier, and what it has learned: the encoder from pairs, the head from the labels. */
export interface WithHead {
  readonly model: TrainableModel;
  readonly result: FinetuneResult;
}

export interface LearnedFromPairs {
  /** Of the training; its model has no head. */
  readonly request: FinetuneRequest;
  readonly result: FinetuneResult;
  readonly settings: FinetuneSettings;
  /** The same encoder with the mean head. */
  readonly classifier: TrainableModel;
}

export interface TrainingTexts {
  readonly prepared: Prepared;
  /** Indices into the labelled texts. */
  readonly rows: Int32Array;
  readonly sequences: readonly Sequence[];
}

/**
 * Fits the head on what the trained encoder makes of the training texts.
 * @throws HeadlightError `device`, `aborted`, and as `fitLogistic`.
 */
export async function* withLogisticHead(
  platform: Platform,
  { prepared, rows, sequences }: TrainingTexts,
  { request, result, settings, classifier }: LearnedFromPairs,
  signal: AbortSignal,
): Job<WithHead> {
  const { model, data, device, runtime } = request;
  const found = yield* predictLogits(
    {
      model,
      trained: result.trained,
      sequences,
      padId: data.padId,
      device,
      runtime,
      phase: 'Embedding the texts',
    },
    signal,
  );
  const { features, length } = ofLengthOne(found, model.hiddenSize);
  const context = await headContext(platform, device);
  const asked: LogisticSettings = {
    ...DEFAULT_LOGISTIC,
    C: contrastiveOf(settings)?.head_C ?? 1,
    class_weight: settings.class_weight,
  };
  const { classes } = prepared.data;
  // Pairs are of the labels as they stand; the head learns how sure they are.
  const { targets, weighting } = studentRows(prepared, rows);
  const weighed = { ...context, ...(weighting === undefined ? {} : { weighting }) };
  let weight: ArrayLike<number>;
  let bias: ArrayLike<number>;
  if (targets.kind === 'labels') {
    const { head } = yield* fitLogistic(features, targets.labels, classes, asked, weighed, signal);
    ({ weight, bias } = foldScaler(head));
  } else {
    const { head } = yield* fitOneVsRest(
      features,
      targets.targets,
      classes,
      asked,
      weighed,
      signal,
    );
    [weight, bias] = [head.coef, head.intercept];
  }
  // As `sharpened` does of a probe's.
  const temperature = studentTemperature(prepared);
  const trained = new Map(result.trained);
  for (const { name, dims } of classifier.parameters.values()) {
    if (model.parameters.has(name)) continue;
    const isMatrix = dims.length === 2;
    trained.set(
      name,
      isMatrix
        ? Float32Array.from(weight, (value) => (temperature * value) / length)
        : Float32Array.from(bias, (value) => temperature * value),
    );
  }
  return { model: classifier, result: { ...result, trained } };
}

/** @returns the rows divided by their average length, and that length. */
function ofLengthOne(
  rows: readonly Float32Array[],
  columns: number,
): { readonly features: Matrix; readonly length: number } {
  const data = new Float32Array(rows.length * columns);
  let sum = 0;
  rows.forEach((row, at) => {
    sum += Math.hypot(...row);
    data.set(row, at * columns);
  });
  const length = sum / rows.length;
  // A mean of zeros everywhere says nothing; what fits to it says so.
  if (length > 0) data.forEach((value, at) => (data[at] = value / length));
  return { features: { rows: rows.length, columns, data }, length: length > 0 ? length : 1 };
}
