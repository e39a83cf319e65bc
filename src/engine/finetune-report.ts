/** What a fine-tune came to: predictions of the kept graph, figures, entities. */
import { HeadlightError, throwIfAborted, type Job } from '../base';
import { entityScores, type EntityScores } from '../learning/evaluate';
import { DEFAULT_THRESHOLD, tuneThresholds } from '../learning/heads';
import type { ClassFigures, MultiLabelFigures, PartPredictions, RunPredictions } from '../project';
import { figuresOf, targetsOf } from './figures';
import type { FinetunedModel } from './finetuned-model';
import type { Prepared } from './prepare';
import { argmax } from './text-rows';
import type { Sequence } from './tokenize';

export interface FinetuneFigures {
  readonly predictions: RunPredictions;
  readonly metrics: ClassFigures | MultiLabelFigures;
  readonly entities: { readonly train: EntityScores; readonly test: EntityScores } | null;
  /** On the thresholds of several labels a text. */
  readonly notes: readonly string[];
}

interface Part {
  /** Indices into the labelled texts. */
  readonly rows: Int32Array;
  readonly sequences: readonly Sequence[];
}

const THRESHOLDS = {
  kept: 'Without validation rows the threshold of every label is 0.5.',
  tuned: 'The threshold of each label is the one of the best F1 on the validation rows.',
} as const;

export async function* reportOn(
  model: FinetunedModel,
  prepared: Prepared,
  parts: { readonly train: Part; readonly validation: Part; readonly test: Part },
  signal?: AbortSignal,
): Job<FinetuneFigures> {
  const { data, split } = prepared;
  const train = yield* predictPart(
    model,
    prepared,
    parts.train,
    'Evaluating: training rows',
    signal,
  );
  // The rows that it was stopped by; a part of the split, or held out of training for thresholds alone.
  const isNeeded = split.validation.length > 0 || data.targets !== null;
  const held =
    isNeeded && parts.validation.rows.length > 0
      ? yield* predictPart(model, prepared, parts.validation, 'Evaluating: validation rows', signal)
      : null;
  const test = yield* predictPart(model, prepared, parts.test, 'Evaluating: test rows', signal);
  throwIfAborted(signal);
  const tuned =
    held === null || held.targets === null
      ? null
      : tuneThresholds(held.probabilities, held.targets, data.classes);
  const thresholds =
    data.targets === null
      ? null
      : (tuned?.thresholds ?? new Float64Array(data.classes.length).fill(DEFAULT_THRESHOLD));
  const predictions = { train, validation: split.validation.length > 0 ? held : null, test };
  return {
    predictions,
    metrics: figuresOf(prepared, predictions, thresholds),
    notes:
      thresholds === null
        ? []
        : [THRESHOLDS[tuned === null ? 'kept' : 'tuned'], ...(tuned?.notes ?? [])],
    entities:
      data.tags === null
        ? null
        : { train: scoreEntities(train, data.classes), test: scoreEntities(test, data.classes) },
  };
}

/** One row a text, or one a word: the index is the sentence's then, words in their order. */
async function* predictPart(
  model: FinetunedModel,
  { data }: Prepared,
  { rows, sequences }: Part,
  phase: string,
  signal?: AbortSignal,
): Job<PartPredictions> {
  const found = yield* model.probabilities(sequences, signal, phase);
  const classes = data.classes.length;
  const size = found.reduce((sum, { length }) => sum + length / classes, 0);
  const indices = new Int32Array(size);
  const labels = new Int32Array(size);
  const probabilities = new Float64Array(size * classes);
  let at = 0;
  found.forEach((values, position) => {
    const row = rows[position] ?? -1;
    probabilities.set(values, at * classes);
    for (let word = 0; word < values.length / classes; word++) {
      indices[at] = row;
      labels[at] = (data.tags === null ? data.labels[row] : data.tags[row]?.[word]) ?? -1;
      at++;
    }
  });
  if (labels.includes(-1)) throw new HeadlightError('internal', 'a predicted row has no label');
  return { indices, labels, probabilities, targets: targetsOf({ data }, indices) };
}

/** Sentences again, from rows of words. */
function scoreEntities(part: PartPredictions, classes: readonly string[]): EntityScores {
  const actual: string[][] = [];
  const predicted: string[][] = [];
  part.labels.forEach((label, at) => {
    if (at === 0 || part.indices[at] !== part.indices[at - 1]) {
      actual.push([]);
      predicted.push([]);
    }
    const row = part.probabilities.subarray(at * classes.length, (at + 1) * classes.length);
    actual.at(-1)?.push(classes[label] ?? '');
    predicted.at(-1)?.push(classes[argmax(row)] ?? '');
  });
  return entityScores(actual, predicted);
}
