/** Predictions for many texts in padded batches, and how good they are, in one line. */
import {
  HeadlightError,
  ProgressMeter,
  throwIfAborted,
  type EvaluationPoint,
  type Job,
} from '../../base';
import { entityScores } from '../evaluate';
import { bucketFor, bucketLengths } from './batches';
import { tokenBatch, type Sequence, type TokenBatch } from './inputs';
import { cosine, lossDivisor, rowLoss, type LossFold } from './targets';
import type { Example } from './types';

export interface Reading {
  /** Rows of a batch. */
  readonly batchSize: number;
  readonly maxTokens: number;
  readonly padId: number;
  /** Numbers a text, or a token of it where `byToken`. */
  readonly columns: number;
  readonly byToken: boolean;
}

/**
 * Logits of each text, in the given order: `[columns]`, or `[tokens of the text, columns]`.
 * @param compute gives `[rows, columns]` or `[rows, tokens, columns]` of a batch.
 */
export async function* readAll(
  sequences: readonly Sequence[],
  { batchSize, maxTokens, padId, columns, byToken }: Reading,
  compute: (batch: TokenBatch) => Promise<Float32Array>,
  phase: string,
  signal?: AbortSignal,
): Job<Float32Array[]> {
  const order = Int32Array.from(sequences, (_, i) => i).sort(
    (a, b) => sequences[a]!.ids.length - sequences[b]!.ids.length || a - b,
  );
  const batches: Int32Array[] = [];
  for (let at = 0; at < order.length; at += batchSize)
    batches.push(order.slice(at, at + batchSize));
  const longestOf = (batch: Int32Array): number => sequences[batch.at(-1)!]!.ids.length;
  const buckets = bucketLengths(batches.map(longestOf), maxTokens);
  const logits = new Array<Float32Array>(sequences.length);
  const meter = new ProgressMeter(phase, 'texts', sequences.length);
  let done = 0;
  yield meter.at(done);
  for (const indices of batches) {
    throwIfAborted(signal);
    const part = Array.from(indices, (index) => sequences[index]!);
    const tokens = bucketFor(longestOf(indices), buckets);
    const output = await compute(tokenBatch(part, batchSize, tokens, padId));
    const size = byToken ? tokens * columns : columns;
    part.forEach(({ ids }, row) => {
      const length = byToken ? Math.min(ids.length, tokens) * columns : columns;
      logits[indices[row]!] = output.slice(row * size, row * size + length);
    });
    done += part.length;
    yield meter.at(done);
  }
  return logits;
}

/**
 * Loss (as in training), accuracy and F1: of texts macro F1 over the classes that occur, of tokens
 * entity-level. Several labels a text: accuracy counts texts with all labels right. Pairs: two texts are
 * taken for alike where their cosine, or their label, is at least 0.5.
 */
export function evaluationPoint(
  fold: LossFold,
  examples: readonly Example[],
  logits: readonly Float32Array[],
  tags: readonly string[],
): EvaluationPoint {
  const { spec, classes } = fold;
  const counter = new Confusion();
  let sum = 0;
  if (spec.name === 'cosine_similarity') {
    for (let row = 0; row + 1 < examples.length; row += 2) {
      const both = new Float32Array([...logits[row]!, ...logits[row + 1]!]);
      const example = examples[row]!;
      sum += rowLoss(fold, example, both);
      counter.add(Number(Number(example.target) >= 0.5), Number(cosine(both) >= 0.5));
    }
    return point(sum / lossDivisor(fold, examples), counter);
  }
  const actualTags: string[][] = [];
  const predictedTags: string[][] = [];
  let allRight = 0;
  const labels = new LabelCounts(classes);
  examples.forEach((example, row) => {
    const output = logits[row]!;
    sum += rowLoss(fold, example, output);
    const { target } = example;
    if (target instanceof Int32Array) {
      const actual: string[] = [];
      const predicted: string[] = [];
      target.forEach((own, token) => {
        if (own < 0 || (token + 1) * classes > output.length) return;
        const guess = argmax(output, token * classes, classes);
        counter.add(own, guess);
        actual.push(tags[own] ?? String(own));
        predicted.push(tags[guess] ?? String(guess));
      });
      actualTags.push(actual);
      predictedTags.push(predicted);
    } else if (typeof target === 'number') counter.add(target, argmax(output, 0, classes));
    else if (spec.name === 'binary_cross_entropy') {
      if (labels.add(target, output)) allRight += 1;
    } else counter.add(argmax(target, 0, classes), argmax(output, 0, classes));
  });
  const loss = sum / Math.max(Number.MIN_VALUE, lossDivisor(fold, examples));
  if (spec.name === 'binary_cross_entropy')
    return { loss, accuracy: allRight / examples.length, f1: labels.macroF1() };
  if (actualTags.length === 0) return point(loss, counter);
  return {
    loss,
    accuracy: counter.accuracy(),
    f1: entityScores(actualTags, predictedTags).f1_score,
  };
}

function point(loss: number, counter: Confusion): EvaluationPoint {
  return { loss, accuracy: counter.accuracy(), f1: counter.macroF1() };
}

/** The first of the largest. */
export function argmax(values: Float32Array, from: number, count: number): number {
  let best = 0;
  for (let c = 1; c < count; c++) if (values[from + c]! > values[from + best]!) best = c;
  return best;
}

/** Counts of actual and predicted classes. */
class Confusion {
  readonly #actual = new Map<number, number>();
  readonly #predicted = new Map<number, number>();
  readonly #right = new Map<number, number>();
  #rows = 0;

  add(actual: number, predicted: number): void {
    const count = (counts: Map<number, number>, key: number): unknown =>
      counts.set(key, (counts.get(key) ?? 0) + 1);
    count(this.#actual, actual);
    count(this.#predicted, predicted);
    if (actual === predicted) count(this.#right, actual);
    this.#rows += 1;
  }

  accuracy(): number {
    let right = 0;
    for (const count of this.#right.values()) right += count;
    return this.#rows === 0 ? 0 : right / this.#rows;
  }

  /** Over the classes that occur among the actual or the predicted ones, as scikit-learn. */
  macroF1(): number {
    const occurring = new Set([...this.#actual.keys(), ...this.#predicted.keys()]);
    let sum = 0;
    for (const c of occurring)
      sum +=
        (2 * (this.#right.get(c) ?? 0)) /
        ((this.#actual.get(c) ?? 0) + (this.#predicted.get(c) ?? 0));
    return occurring.size === 0 ? 0 : sum / occurring.size;
  }
}

/** Several labels a text: each is there where its logit is above 0. */
class LabelCounts {
  readonly #counts: { actual: number; predicted: number; right: number }[];

  constructor(classes: number) {
    this.#counts = Array.from({ length: classes }, () => ({ actual: 0, predicted: 0, right: 0 }));
  }

  /** @returns whether all labels of this text were right. */
  add(target: Float32Array, logits: Float32Array): boolean {
    let right = true;
    this.#counts.forEach((count, c) => {
      const actual = target[c]! >= 0.5;
      const predicted = logits[c]! > 0;
      if (actual) count.actual += 1;
      if (predicted) count.predicted += 1;
      if (actual && predicted) count.right += 1;
      if (actual !== predicted) right = false;
    });
    return right;
  }

  /** Labels that occur nowhere count 0, as scikit-learn's `zero_division=0`. */
  macroF1(): number {
    const all = this.#counts.map(({ actual, predicted, right }) =>
      actual + predicted === 0 ? 0 : (2 * right) / (actual + predicted),
    );
    if (all.length === 0) throw new HeadlightError('internal', 'There are no labels to score.');
    return all.reduce((sum, one) => sum + one, 0) / all.length;
  }
}
