/**
 * Logistic regression on sparse rows, in plain float64: scikit-learn's objective
 * `0.5 ||w||² + C Σ sᵢ lossᵢ`, intercepts not penalised, by the L-BFGS of the probe heads in a diagonal
 * metric. Nothing is centred: that would fill the rows up.
 */
import { HeadlightError } from '../../base';
import { Lbfgs, visitLoss, type Tally } from '../heads';
import type { SparseRows } from './tfidf';

const BLOCK_ROWS = 1024;
const CORRECTIONS = 10;
const LEAST_CORRECTIONS = 3;
/** What the solver may hold: each correction is three vectors of the point's size. */
const SOLVER_BYTES = 512e6;
/** Vectors it needs beside them. */
const OTHER_VECTORS = 10;

export interface SparseProblem {
  readonly x: SparseRows;
  /** [rows]; 0 or 1 for one output. */
  readonly labels: Int32Array;
  /** 1 for two classes, else the number of classes. */
  readonly outputs: number;
  /** 0 for rows held out. */
  readonly weights: Float64Array;
}

export interface SparseStep {
  readonly C: number;
  /** [columns + 1, outputs], intercepts last. */
  readonly point: Float64Array;
  readonly iterations: number;
  readonly gradientNorm: number;
  /** Share of the held-out rows that are predicted right; NaN when none is held out. */
  readonly heldOutAccuracy: number;
}

export interface SparseSettings {
  readonly tol: number;
  readonly max_iter: number;
  /** Relative step at which a fit is near enough to its optimum. */
  readonly stepTolerance: number;
}

/**
 * Fits each C in turn, each from the one before.
 * @yields each fit.
 * @throws HeadlightError `bad-setting` when words times classes are more than memory holds.
 */
export async function* fitSparse(
  problem: SparseProblem,
  Cs: readonly number[],
  start: Float64Array | null,
  settings: SparseSettings,
  pause: () => Promise<void>,
): AsyncGenerator<SparseStep, void, void> {
  const { x, outputs, weights } = problem;
  const size = (x.columns + 1) * outputs;
  const memory = Math.min(CORRECTIONS, Math.floor((SOLVER_BYTES / (8 * size) - OTHER_VECTORS) / 3));
  if (memory < LEAST_CORRECTIONS) {
    throw new HeadlightError(
      'bad-setting',
      `${x.columns} words for ${outputs} classes are too many to fit in memory.`,
      { hint: 'Raise min_df, set max_features, or use single words only.' },
    );
  }
  let totalWeight = 0;
  let heldOut = 0;
  for (const weight of weights) {
    totalWeight += weight;
    if (weight === 0) heldOut += 1;
  }
  const squares = meanSquares(problem, totalWeight);
  const curvature = outputs === 1 ? 0.25 : (1 / outputs) * (1 - 1 / outputs);
  let point = start ?? new Float64Array(size);
  for (const C of Cs) {
    const penalty = 1 / (C * totalWeight);
    const solver = new Lbfgs(point, { ...settings, memory, gradientNorm: largest });
    while (solver.state === 'running') {
      const { loss, gradient } = await evaluate(problem, solver.trial, pause);
      let norm = 0;
      const penalised = x.columns * outputs;
      for (let i = 0; i < size; i++) {
        gradient[i]! /= totalWeight;
        if (i >= penalised) continue;
        gradient[i]! += penalty * solver.trial[i]!;
        norm += solver.trial[i]! ** 2;
      }
      const preconditioned = new Float64Array(size);
      for (let i = 0; i < size; i++) {
        const metric =
          i < penalised ? curvature * squares[Math.floor(i / outputs)]! + penalty : curvature;
        preconditioned[i] = gradient[i]! / metric;
      }
      solver.tell(loss / totalWeight + 0.5 * penalty * norm, gradient, preconditioned);
    }
    point = solver.point;
    const heldOutAccuracy =
      heldOut === 0 ? NaN : (await evaluate(problem, point, pause)).correct / heldOut;
    yield {
      C,
      point,
      iterations: solver.iterations,
      gradientNorm: solver.gradientNorm,
      heldOutAccuracy,
    };
  }
}

/** Logits of rows, [rows, outputs] row-major. */
export function sparseLogits(
  x: SparseRows,
  coef: Float64Array,
  intercept: Float64Array,
  first = 0,
  last = x.rows,
): Float64Array {
  const outputs = intercept.length;
  const logits = new Float64Array((last - first) * outputs);
  for (let i = first; i < last; i++) {
    const at = (i - first) * outputs;
    for (let k = 0; k < outputs; k++) logits[at + k] = intercept[k]!;
    for (let n = x.indptr[i]!; n < x.indptr[i + 1]!; n++) {
      const value = x.data[n]!;
      const from = x.indices[n]! * outputs;
      for (let k = 0; k < outputs; k++) logits[at + k]! += value * coef[from + k]!;
    }
  }
  return logits;
}

/** The sum of losses at a point, its gradient, and how many held-out rows are right. */
async function evaluate(
  { x, labels, outputs, weights }: SparseProblem,
  point: Float64Array,
  pause: () => Promise<void>,
): Promise<{ loss: number; gradient: Float64Array; correct: number }> {
  const coef = point.subarray(0, x.columns * outputs);
  const intercept = point.subarray(x.columns * outputs);
  const none = new Float64Array(outputs);
  const gradient = new Float64Array(point.length);
  const tally: Tally = {
    loss: 0,
    intercepts: new Float64Array(outputs),
    curvature: 0,
    correct: 0,
  };
  for (let first = 0; first < x.rows; first += BLOCK_ROWS) {
    const last = Math.min(x.rows, first + BLOCK_ROWS);
    const residuals = sparseLogits(x, coef, intercept, first, last);
    const columns = { width: outputs, first: 0, outputs, intercept: none };
    visitLoss(tally, columns, labels, weights, first, last - first, residuals);
    for (let i = first; i < last; i++) {
      if (weights[i] === 0) continue;
      const at = (i - first) * outputs;
      for (let n = x.indptr[i]!; n < x.indptr[i + 1]!; n++) {
        const value = x.data[n]!;
        const to = x.indices[n]! * outputs;
        for (let k = 0; k < outputs; k++) gradient[to + k]! += value * residuals[at + k]!;
      }
    }
    await pause();
  }
  gradient.set(tally.intercepts, x.columns * outputs);
  return { loss: tally.loss, gradient, correct: tally.correct };
}

/** Weighted mean of each column's squares, [columns]. */
function meanSquares({ x, weights }: SparseProblem, totalWeight: number): Float64Array {
  const squares = new Float64Array(x.columns);
  for (let i = 0; i < x.rows; i++)
    for (let n = x.indptr[i]!; n < x.indptr[i + 1]!; n++)
      squares[x.indices[n]!]! += (weights[i]! * x.data[n]! ** 2) / totalWeight;
  return squares;
}

function largest(gradient: Float64Array): number {
  let norm = 0;
  for (const component of gradient) if (!(Math.abs(component) <= norm)) norm = Math.abs(component);
  return norm;
}
