/** What a fine-tune came to: predictions of the kept graph, figures, entities. */
import { HeadlightError, throwIfAborted, type Job } from '../base';
import {
  entityScores,
  evaluate,
  majorityBaseline,
  type EntityScores,
  type MajorityBaseline,
  type Metrics,
} from '../learning/evaluate';
import type { PartPredictions, RunPredictions } from '../project';
import type { FinetunedModel } from './finetuned-model';
import type { Prepared } from './prepare';
import { argmax } from './text-rows';
import type { Sequence } from './tokenize';

export interface FinetuneFigures {
  readonly predictions: RunPredictions;
  readonly metrics: {
    readonly train: Metrics;
    readonly test: Metrics;
    readonly baseline: MajorityBaseline;
  };
  readonly entities: { readonly train: EntityScores; readonly test: EntityScores } | null;
}

interface Part {
  /** Indices into the labelled texts. */
  readonly rows: Int32Array;
  readonly sequences: readonly Sequence[];
}

export async function* reportOn(
  model: FinetunedModel,
  prepared: Prepared,
  parts: { readonly train: Part; readonly test: Part },
  signal?: AbortSignal,
): Job<FinetuneFigures> {
  const { data } = prepared;
  const train = yield* predictPart(
    model,
    prepared,
    parts.train,
    'Evaluating: training rows',
    signal,
  );
  const test = yield* predictPart(model, prepared, parts.test, 'Evaluating: test rows', signal);
  throwIfAborted(signal);
  return {
    predictions: { train, test },
    metrics: {
      train: evaluate(train.probabilities, train.labels, data.classes),
      test: evaluate(test.probabilities, test.labels, data.classes),
      baseline: majorityBaseline(train.labels, test.labels, data.classes),
    },
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
  return { indices, labels, probabilities };
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
