/**
 * Targets of a batch as the numbers that a loss graph is fed, and the same losses on logits that have come
 * back (evaluation). Class weights, label smoothing and the mean over rows are folded into the numbers, so
 * the loss of an accumulation is the mean over all its rows, as in recent versions of `transformers`.
 */
import { HeadlightError } from '../../base';
import { softened, softenedYes } from './soften';
import type { Example, LossSpec } from './types';

/** What PyTorch's cross-entropy leaves out. */
const IGNORED = -100;

export interface LossFold {
  readonly spec: LossSpec;
  readonly smoothing: number;
  /** Classes; 1 for `cosine_similarity`. */
  readonly classes: number;
}

/** @throws HeadlightError `bad-setting` for settings that this loss does not know. */
export function lossFold(spec: LossSpec, smoothing: number, classes: number): LossFold {
  if (smoothing > 0 && spec.name !== 'cross_entropy') {
    throw new HeadlightError(
      'bad-setting',
      `label_smoothing_factor does not go with the loss ${spec.name}.`,
      { hint: 'Set label_smoothing_factor to 0.' },
    );
  }
  if (!(temperatureOf(spec) > 0)) {
    throw new HeadlightError('bad-setting', 'The temperature of a distillation must be above 0.', {
      hint: 'Use 1, or a number between 1 and 10.',
    });
  }
  const weights = spec.name === 'cross_entropy' ? spec.classWeights : null;
  if (weights !== null && weights.length !== classes)
    throw new HeadlightError('internal', `${weights.length} class weights for ${classes} classes.`);
  return { spec, smoothing, classes: spec.name === 'cosine_similarity' ? 1 : classes };
}

function temperatureOf(spec: LossSpec): number {
  return 'temperature' in spec ? (spec.temperature ?? 1) : 1;
}

/**
 * By what the sum over these rows is divided: rows, counted tokens, the weights of their classes, or pairs; rows
 * with a weight count as much, as classes do. Summed over an accumulation it is the divisor of all its batches.
 */
export function lossDivisor(fold: LossFold, examples: readonly Example[]): number {
  const { spec } = fold;
  if (spec.name === 'cosine_similarity') return examples.length / 2;
  if (spec.name !== 'cross_entropy')
    return examples.reduce((sum, example) => sum + weightOf(example), 0);
  let divisor = 0;
  forEachClass(fold, examples, (row, _token, target) => {
    divisor += weightOf(examples[row]) * (spec.classWeights?.[target] ?? 1);
  });
  return divisor;
}

/** How much a row counts. */
export function weightOf(example: Example | undefined): number {
  return example?.weight ?? 1;
}

export interface BatchTargets {
  readonly targets: Float32Array;
  /** Where the loss has an input for them. */
  readonly rowWeights: Float32Array | null;
  /** To be added to what the graph gives: the part of the loss that does not depend on the logits. */
  readonly offset: number;
}

/**
 * @param examples the real rows; those that only fill the batch get the weight 0.
 * @param batch rows of the graph; `tokens` of them each, for a loss over tokens (1 for texts).
 * @param divisor of the whole accumulation, by `lossDivisor`.
 */
export function batchTargets(
  fold: LossFold,
  examples: readonly Example[],
  batch: number,
  tokens: number,
  divisor: number,
): BatchTargets {
  const { spec, classes, smoothing } = fold;
  if (spec.name === 'cosine_similarity') {
    const targets = new Float32Array(batch / 2);
    const rowWeights = new Float32Array(batch / 2);
    for (let pair = 0; 2 * pair < examples.length; pair++) {
      targets[pair] = numberOf(examples[2 * pair]);
      rowWeights[pair] = 1 / divisor;
    }
    return { targets, rowWeights, offset: 0 };
  }
  const targets = new Float32Array(batch * tokens * classes);
  const needsWeights = spec.name === 'binary_cross_entropy';
  // Without rows that count there is nothing to learn; 0 and not 0/0.
  if (divisor === 0)
    return { targets, rowWeights: needsWeights ? new Float32Array(batch) : null, offset: 0 };
  if (spec.name === 'binary_cross_entropy') {
    const rowWeights = new Float32Array(batch);
    const temperature = spec.temperature ?? 1;
    examples.forEach((example, row) => {
      const shares = vectorOf(example, classes);
      for (let c = 0; c < classes; c++)
        targets[row * classes + c] = softenedYes(shares[c]!, temperature);
      rowWeights[row] = (temperature ** 2 * weightOf(example)) / (divisor * classes);
    });
    return { targets, rowWeights, offset: 0 };
  }
  if (spec.name === 'distillation') {
    const square = spec.temperature ** 2;
    let offset = 0;
    examples.forEach((example, row) => {
      const soft = softened(vectorOf(example, classes), spec.temperature);
      const factor = square * weightOf(example);
      soft.forEach((share, c) => {
        targets[row * classes + c] = (factor * share) / divisor;
        if (share > 0) offset += (factor * share * Math.log(share)) / divisor;
      });
    });
    return { targets, rowWeights: null, offset };
  }
  const { classWeights } = spec;
  forEachClass(fold, examples, (row, token, target) => {
    const start = (row * tokens + token) * classes;
    const weight = weightOf(examples[row]);
    if (smoothing > 0) {
      const share = (smoothing * weight) / (classes * divisor);
      for (let c = 0; c < classes; c++) targets[start + c] = share * (classWeights?.[c] ?? 1);
    }
    targets[start + target]! +=
      ((1 - smoothing) * (classWeights?.[target] ?? 1) * weight) / divisor;
  });
  return { targets, rowWeights: null, offset: 0 };
}

/**
 * The undivided loss of one row, its weight counted, on logits that have come back.
 * @param logits `[classes]` of a text, `[tokens, classes]` of words; for pairs the two vectors.
 */
export function rowLoss(fold: LossFold, example: Example, logits: Float32Array): number {
  const { spec, classes } = fold;
  if (spec.name === 'cosine_similarity') return (cosine(logits) - numberOf(example)) ** 2;
  if (spec.name === 'binary_cross_entropy') {
    const wanted = vectorOf(example, classes);
    const temperature = spec.temperature ?? 1;
    let sum = 0;
    for (let c = 0; c < classes; c++) {
      const z = logits[c]! / temperature;
      const share = softenedYes(wanted[c]!, temperature);
      sum += Math.max(z, 0) - z * share + Math.log1p(Math.exp(-Math.abs(z)));
    }
    return (temperature ** 2 * weightOf(example) * sum) / classes;
  }
  const temperature = spec.name === 'distillation' ? spec.temperature : 1;
  const tokens = logits.length / classes;
  const { targets, offset } = batchTargets(fold, [example], 1, tokens, 1);
  let sum = offset;
  for (let token = 0; token < tokens; token++) {
    const start = token * classes;
    let top = -Infinity;
    for (let c = 0; c < classes; c++) top = Math.max(top, logits[start + c]! / temperature);
    let exps = 0;
    for (let c = 0; c < classes; c++) exps += Math.exp(logits[start + c]! / temperature - top);
    const logSum = top + Math.log(exps);
    for (let c = 0; c < classes; c++) {
      const target = targets[start + c]!;
      if (target !== 0) sum += target * (logSum - logits[start + c]! / temperature);
    }
  }
  return sum;
}

/** The cosine of two vectors side by side, as `torch.nn.CosineSimilarity` (eps 1e-8). */
export function cosine(vectors: Float32Array): number {
  const size = vectors.length / 2;
  let dot = 0;
  let first = 0;
  let second = 0;
  for (let i = 0; i < size; i++) {
    const u = vectors[i]!;
    const v = vectors[size + i]!;
    dot += u * v;
    first += u * u;
    second += v * v;
  }
  return dot / Math.sqrt(Math.max(first * second, 1e-16));
}

/** Visits each text (token 0) or each token that counts. */
function forEachClass(
  { classes }: LossFold,
  examples: readonly Example[],
  visit: (row: number, token: number, target: number) => void,
): void {
  const one = (row: number, token: number, target: number): void => {
    if (target === IGNORED) return;
    if (!Number.isInteger(target) || target < 0 || target >= classes)
      throw new HeadlightError('internal', `Row ${row + 1} of a batch has no class: ${target}.`);
    visit(row, token, target);
  };
  examples.forEach(({ target }, row) => {
    if (typeof target === 'number') one(row, 0, target);
    else if (target instanceof Int32Array)
      for (let token = 0; token < target.length; token++) one(row, token, target[token]!);
    else throw new HeadlightError('internal', 'Cross-entropy was given shares, not a class.');
  });
}

function numberOf(example: Example | undefined): number {
  if (typeof example?.target === 'number') return example.target;
  throw new HeadlightError('internal', 'A pair of texts has no number as its label.');
}

function vectorOf({ target }: Example, classes: number): Float32Array {
  if (target instanceof Float32Array && target.length === classes) return target;
  throw new HeadlightError('internal', `A row has no ${classes} numbers as its target.`);
}
