/**
 * Losses as nodes of a training graph. What is said of a row (its weight, class weights, label smoothing, that it
 * only fills the batch, by how much its part is divided) is in the numbers that are fed, made by
 * `batchTargets`; so one graph serves the rows, the shape and the loss stay the same for every batch, and
 * nothing falls back from the GPU. No LogSoftmax: WebGPU has none.
 */
import { HeadlightError } from '../../base';
import { attribute, type GraphBuilder, type Value } from '../../graph/onnx';
import type { LossSpec } from './types';

export const TARGETS = 'targets';
export const ROW_WEIGHTS = 'row_weights';

/** What a loss stands on. */
export interface LossShape {
  /** Rows of logits: texts, or texts times tokens; for `cosine_similarity` rows of vectors, two a pair. */
  readonly rows: number;
  /** Classes, or the length of the vectors. */
  readonly columns: number;
}

/** The inputs that the loss adds to the graph, float32, by name. */
export function lossInputs(
  spec: LossSpec,
  { rows, columns }: LossShape,
): ReadonlyMap<string, readonly number[]> {
  switch (spec.name) {
    case 'cross_entropy':
    case 'distillation':
      return new Map([[TARGETS, [rows, columns]]]);
    case 'binary_cross_entropy':
      return new Map([
        [TARGETS, [rows, columns]],
        [ROW_WEIGHTS, [rows, 1]],
      ]);
    case 'cosine_similarity':
      return new Map([
        [TARGETS, [rows / 2, 1]],
        [ROW_WEIGHTS, [rows / 2, 1]],
      ]);
  }
}

/**
 * Appends a loss.
 * @param output `[rows, columns]` or `[texts, tokens, columns]`.
 * @returns the scalar loss.
 */
export function appendLoss(
  builder: GraphBuilder,
  spec: LossSpec,
  output: Value,
  shape: LossShape,
): Value {
  const { rows, columns } = shape;
  const inputs = new Map<string, Value>();
  for (const [name, dims] of lossInputs(spec, shape))
    inputs.set(name, builder.input(name, 'float32', dims));
  const fed = (name: string): Value => {
    const value = inputs.get(name);
    if (value === undefined) throw new HeadlightError('internal', `The loss has no ${name}.`);
    return value;
  };
  const logits =
    output.dims?.length === 2
      ? output
      : builder.add('Reshape', [output, builder.integers(rows, columns)]);
  switch (spec.name) {
    case 'cross_entropy':
      return crossEntropy(builder, logits, fed(TARGETS));
    case 'distillation':
      return crossEntropy(builder, atTemperature(builder, logits, spec.temperature), fed(TARGETS));
    case 'binary_cross_entropy':
      return binaryCrossEntropy(
        builder,
        atTemperature(builder, logits, spec.temperature ?? 1),
        fed(TARGETS),
        fed(ROW_WEIGHTS),
      );
    case 'cosine_similarity':
      return cosineError(builder, logits, shape, fed(TARGETS), fed(ROW_WEIGHTS));
  }
}

function atTemperature(b: GraphBuilder, logits: Value, temperature: number): Value {
  return temperature === 1 ? logits : b.add('Mul', [logits, b.scalar(1 / temperature)]);
}

/** sum of targets * (log sum exp(z) - z); the largest logit is taken out first, so that nothing overflows. */
function crossEntropy(b: GraphBuilder, logits: Value, targets: Value): Value {
  const top = b.add('ReduceMax', [logits], {
    axes: attribute.ints([1]),
    keepdims: attribute.int(1),
  });
  const shifted = b.add('Sub', [logits, top]);
  const sum = b.add('ReduceSum', [b.add('Exp', [shifted]), b.integers(1)], {
    keepdims: attribute.int(1),
  });
  const surprise = b.add('Sub', [b.add('Log', [sum]), shifted]);
  return total(b, b.add('Mul', [targets, surprise]));
}

/** sum of weight * (max(z, 0) - z * y + log(1 + exp(-|z|))). */
function binaryCrossEntropy(b: GraphBuilder, z: Value, y: Value, weights: Value): Value {
  const small = b.add('Exp', [b.add('Neg', [b.add('Abs', [z])])]);
  const tail = b.add('Log', [b.add('Add', [small, b.scalar(1)])]);
  const linear = b.add('Sub', [b.add('Relu', [z]), b.add('Mul', [z, y])]);
  return total(b, b.add('Mul', [b.add('Add', [linear, tail]), weights]));
}

/** sum of weight * (cos(u, v) - label)^2; lengths are kept from 0 as `torch.nn.CosineSimilarity` does. */
function cosineError(
  b: GraphBuilder,
  vectors: Value,
  { rows, columns }: LossShape,
  labels: Value,
  weights: Value,
): Value {
  // A pair is one row of two vectors, side by side: its halves are slices.
  const pairs = b.add('Reshape', [vectors, b.integers(rows / 2, 2 * columns)]);
  const half = (from: number): Value =>
    b.add('Slice', [pairs, b.integers(from), b.integers(from + columns), b.integers(1)]);
  const first = half(0);
  const second = half(columns);
  const dot = (u: Value, v: Value): Value =>
    b.add('ReduceSum', [b.add('Mul', [u, v]), b.integers(1)], { keepdims: attribute.int(1) });
  const lengths = b.add('Mul', [dot(first, first), dot(second, second)]);
  const norm = b.add('Sqrt', [b.add('Max', [lengths, b.scalar(1e-16)])]);
  const error = b.add('Sub', [b.add('Div', [dot(first, second), norm]), labels]);
  return total(b, b.add('Mul', [b.add('Mul', [error, error]), weights]));
}

function total(b: GraphBuilder, value: Value): Value {
  return b.add('ReduceSum', [value, b.integers(0, 1)], { keepdims: attribute.int(0) });
}
