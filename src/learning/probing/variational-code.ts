/**
 * Description length by a variational code: sender and receiver share the features and a prior over the weights of a linear
 * probe, and the labels are sent by way of a distribution over the weights (Hinton & van Camp 1993). In bits, an upper bound
 * that holds exactly; nothing is sampled and nothing depends on an order.
 *
 * It is not the code of Voita & Titov 2020. Theirs has a log-uniform prior (Louizos et al. 2017), which has no finite mass:
 * its divergence is only known up to a constant, and approximated. Here the prior is a Gaussian and the posterior the
 * Gaussian that belongs to Böhning's bound of the softmax's curvature (Böhning 1992), H = ½ (I - 11ᵀ/K) ⊗ XᵀX, so that
 *
 *   nats = loss at the mean + |mean|² / 2σ² + (K - 1)/2 · Σ log(1 + σ² λ / 2),   λ the eigenvalues of XᵀX
 *
 * and the best mean is logistic regression with C = σ². (Two classes have one weight a column; then σ² stands for the
 * variance of that, and λ / 4 for λ / 2.) Intercepts are weights of a column of ones with a prior of their own. The prior's σ²
 * is one of a grid, and which one is sent too; so is which classes occur.
 */
import { HeadlightError } from '../../base';
import {
  fitBatch,
  Products,
  stopping,
  kernelsOf,
  type HeadContext,
  type FitStep,
  type Matrix,
} from '../heads';
import { uncorrelate } from './eigenbasis';
import { gatherRows } from './logits';
import { momentsOf, spectrum } from './spectrum';

/** Variances of the weights that may be sent, where the mean squared length of a row is 1. */
const PRIORS = Array.from({ length: 13 }, (_, i) => 4 ** (i - 6));
/** Of intercepts. */
const INTERCEPT_PRIOR = 9;
const SOLVER = { tol: 1e-4, stepTolerance: 1e-3, max_iter: 300 };

export interface VariationalRequest {
  /** Class of each row of the features. */
  readonly labels: Int32Array;
  readonly classes: number;
  /** The rows whose labels are sent. */
  readonly train: Int32Array;
}

export interface VariationalCode {
  readonly bits: number;
  /** Rows times log2 of the classes. */
  readonly uniformBits: number;
  /** uniformBits / bits. */
  readonly compression: number;
  /** Of `bits`: what the labels cost with the mean weights known. */
  readonly dataBits: number;
  /** The σ² that was sent, for features whose mean squared length is 1; null where a single class occurs. */
  readonly prior: number | null;
}

/**
 * @throws HeadlightError `bad-labels` without rows, `device` for features that are not finite, `aborted`.
 */
export async function variationalCode(
  features: Matrix,
  { labels, classes, train }: VariationalRequest,
  context: HeadContext,
  signal?: AbortSignal,
): Promise<VariationalCode> {
  const pause = stopping(signal);
  if (train.length === 0) {
    throw new HeadlightError('bad-labels', 'There are no labels to send.', {
      hint: 'Add labelled texts.',
    });
  }
  const { columns } = features;
  const uniformBits = train.length * Math.log2(classes);
  const present = [...new Set(Array.from(train, (row) => labels[row]!))].sort((a, b) => a - b);
  /** Which classes occur, one bit each. */
  const named = classes;
  if (present.length === 1)
    return { bits: named, uniformBits, compression: uniformBits / named, dataBits: 0, prior: null };
  const codes = Int32Array.from(train, (row) => present.indexOf(labels[row]!));
  const own = {
    rows: train.length,
    columns,
    data: gatherRows(features.data, columns, train),
  };
  const { values } = await scaled(own, pause);
  const kernels = await kernelsOf(context);
  const { design, variances } = await uncorrelate(
    own,
    train.map((_, row) => row),
    kernels,
    pause,
  );
  const outputs = present.length === 2 ? 1 : present.length;
  const products = new Products(design, outputs, kernels);
  let steps: readonly FitStep[];
  try {
    const job = fitBatch(
      [{ labels: codes, weights: new Float64Array(own.rows).fill(1), Cs: PRIORS, start: null }],
      SOLVER,
      {
        design,
        products,
        labels: codes,
        outputs,
        covariance: new Float64Array(0),
        variances,
        preconditioners: new Map(),
        pause,
      },
    );
    let step = await job.next();
    while (!step.done) step = await job.next();
    steps = step.value[0]!;
  } finally {
    products.dispose();
  }
  let best = { nats: Infinity, loss: Infinity, prior: PRIORS[0]! };
  for (const { C, point } of steps) {
    const loss = lossAt(design.centred, columns, codes, centredWeights(point, outputs), outputs);
    const nats = loss + divergence(centredWeights(point, outputs), values, C, outputs, own.rows);
    if (nats < best.nats) best = { nats, loss, prior: C };
    await pause();
  }
  if (!Number.isFinite(best.nats)) {
    throw new HeadlightError('device', 'The variational code gave no finite number.', {
      hint: 'Choose another layer or pooling, or another device.',
    });
  }
  const bits = best.nats / Math.LN2 + Math.log2(PRIORS.length) + named;
  const compression = uniformBits / bits;
  return { bits, uniformBits, compression, dataBits: best.loss / Math.LN2, prior: best.prior };
}

/** Scales the rows in place to a mean squared length of 1 about their mean. @returns the eigenvalues of XᵀX, centred. */
async function scaled(
  features: Matrix,
  pause: () => Promise<void>,
): Promise<{ values: Float64Array }> {
  const { rows, columns, scatter } = await momentsOf(features, pause);
  const { values } = await spectrum(scatter, columns, [], pause);
  const total = values.reduce((sum, value) => sum + Math.max(value, 0), 0);
  const factor = total > 0 ? Math.sqrt(rows / total) : 1;
  const { data } = features;
  for (let i = 0; i < data.length; i++) data[i]! *= factor;
  return { values: values.map((value) => Math.max(value, 0) * factor * factor) };
}

/** What all classes share changes no probability, and would only cost bits. */
function centredWeights(point: Float64Array, outputs: number): Float64Array {
  if (outputs === 1) return point;
  const result = point.slice();
  for (let at = 0; at < result.length; at += outputs) {
    let mean = 0;
    for (let k = 0; k < outputs; k++) mean += result[at + k]! / outputs;
    for (let k = 0; k < outputs; k++) result[at + k]! -= mean;
  }
  return result;
}

/** Sum of -log p of the rows' own classes. */
function lossAt(
  data: Float32Array,
  columns: number,
  codes: Int32Array,
  weights: Float64Array,
  outputs: number,
): number {
  const logits = new Float64Array(Math.max(2, outputs));
  let loss = 0;
  for (const [i, own] of codes.entries()) {
    logits.fill(0);
    // One logit is the second class's.
    const first = outputs === 1 ? 1 : 0;
    for (let k = 0; k < outputs; k++) logits[first + k] = weights[columns * outputs + k]!;
    for (let j = 0; j < columns; j++) {
      const value = data[i * columns + j]!;
      for (let k = 0; k < outputs; k++) logits[first + k]! += value * weights[j * outputs + k]!;
    }
    let largest = -Infinity;
    for (const logit of logits) largest = Math.max(largest, logit);
    let sum = 0;
    for (const logit of logits) sum += Math.exp(logit - largest);
    loss += Math.log(sum) + largest - logits[own]!;
  }
  return loss;
}

/** What the weights cost, with the room that the posterior leaves them. */
function divergence(
  weights: Float64Array,
  values: Float64Array,
  prior: number,
  outputs: number,
  rows: number,
): number {
  const [free, curvature] = outputs === 1 ? [1, 1 / 4] : [outputs - 1, 1 / 2];
  const last = weights.length - outputs;
  let nats = 0;
  for (const [at, weight] of weights.entries())
    nats += (weight * weight) / (2 * (at < last ? prior : INTERCEPT_PRIOR));
  let determinant = Math.log1p(curvature * INTERCEPT_PRIOR * rows);
  for (const value of values) determinant += Math.log1p(curvature * prior * value);
  return nats + 0.5 * free * determinant;
}
