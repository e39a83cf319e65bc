/** Probabilities of a linear problem's outputs, also where they are some classes of a softmax over more. */
import type { LinearProblem } from './conjugate-gradients';

/** @param logits [rows, outputs], left as they are. */
export async function probabilitiesOf(
  {
    activation,
    kernels,
    outputs,
    rest,
  }: Pick<LinearProblem, 'activation' | 'kernels' | 'outputs' | 'rest'>,
  logits: Float32Array,
): Promise<Float32Array> {
  return rest === null
    ? kernels.probabilities(activation, logits, outputs)
    : softmaxBeside(rest, logits, outputs);
}

/**
 * Of a softmax the probabilities of some classes.
 * @param rest the logit of all other classes together, [rows].
 * @param logits [rows, outputs].
 */
export function softmaxBeside(
  rest: Float32Array,
  logits: Float32Array,
  outputs: number,
): Float32Array {
  const probabilities = new Float32Array(logits.length);
  for (const [row, other] of rest.entries()) {
    const from = row * outputs;
    let largest = other;
    for (let at = from; at < from + outputs; at++) largest = Math.max(largest, logits[at]!);
    let sum = Math.exp(other - largest);
    for (let at = from; at < from + outputs; at++)
      sum += probabilities[at] = Math.exp(logits[at]! - largest);
    for (let at = from; at < from + outputs; at++) probabilities[at]! /= sum;
  }
  return probabilities;
}

/**
 * The logit of all classes together that are not among some: log Σ exp, [rows]; -Infinity where there is no other.
 * @param logits [rows, outputs] of all classes.
 */
export function logitOfOthers(
  logits: Float32Array,
  outputs: number,
  classes: readonly number[],
): Float32Array {
  const isOther = new Uint8Array(outputs).fill(1);
  for (const k of classes) isOther[k] = 0;
  return Float32Array.from({ length: logits.length / outputs }, (_, row) => {
    const from = row * outputs;
    let largest = -Infinity;
    for (let k = 0; k < outputs; k++)
      if (isOther[k] === 1) largest = Math.max(largest, logits[from + k]!);
    let sum = 0;
    for (let k = 0; k < outputs; k++)
      if (isOther[k] === 1) sum += Math.exp(logits[from + k]! - largest);
    return largest + Math.log(sum);
  });
}
