/**
 * Scalar mix (Peters et al. 2018; Tenney et al. 2019): one linear probe on a weighted sum of all layers, the weights (a
 * softmax) learned with it. They say where a task's information lies when all layers may be used.
 *
 * Each layer is centred and scaled to a mean squared length of 1, so that a weight says how much of a layer is taken and not
 * how large its numbers are. The paper's further factor for the whole sum is left out: the probe's own weights are that
 * factor, and beside a penalty on them it would have no best value. All draws are fitted together, over one product.
 */
import { HeadlightError, ProgressMeter, seededRandom, type Job } from '../../base';
import {
  checkFinite,
  Lbfgs,
  Products,
  kernelsOf,
  type HeadContext,
  stopping,
  visitLoss,
  type Matrix,
  type Tally,
} from '../heads';
import { rowsInside } from './linear-plan';
import { accuracyOf } from './score';
import type { ProbeRows } from './types';

/** Bytes of all layers together; they stand in memory twice, on the device too. */
const MEMORY = 192 * 2 ** 20;
/**
 * Strong to weak; chosen on the validation rows of each draw. A strong penalty alone would settle on one layer: what mixes
 * unlike layers is smaller than each of them, and would need larger weights.
 */
const CS: readonly number[] = [2, 16, 128];
const SOLVER = { tol: 1e-4, stepTolerance: 1e-3, max_iter: 150 };

export interface MixRequest {
  /** Class of each row of the features. */
  readonly labels: Int32Array;
  readonly classes: number;
  readonly rows: ProbeRows;
}

export interface ScalarMix {
  /** Of each layer, in the order given; sum 1. */
  readonly weights: readonly number[];
  readonly C: number;
  /** Shares of rows that are predicted right; null for a part without rows. */
  readonly accuracy: {
    readonly train: number;
    readonly validation: number | null;
    readonly test: number | null;
  };
  readonly converged: boolean;
}

export interface MixResult {
  /** One a request. */
  readonly mixes: readonly ScalarMix[];
  /** Share of the rows that were taken: below 1 where all layers of all rows would not fit into memory. */
  readonly share: number;
}

export interface MixContext extends HeadContext {
  /** Bytes of features of all layers together. */
  readonly memory?: number;
}

/**
 * @param layers give the features [rows, columns] of each layer, all of one shape.
 * @param requests draws of the same rows, of as many classes.
 * @throws HeadlightError `bad-labels` for a draw without training rows, `device` for features that are not finite,
 *   `aborted`.
 */
export async function* fitScalarMix(
  layers: readonly (() => Promise<Matrix>)[],
  requests: readonly MixRequest[],
  { memory = MEMORY, ...context }: MixContext,
  signal?: AbortSignal,
): Job<MixResult> {
  const pause = stopping(signal);
  const meter = new ProgressMeter('Mixing layers', 'rounds', CS.length * SOLVER.max_iter);
  yield meter.at(0);
  const { used, share, draws } = await thinned(layers, requests, memory);
  const all = await joined(layers, used, pause);
  const fits = draws.map((draw) => new MixFit(draw, layers.length, all.columns / layers.length));
  const width = fits.reduce((sum, { outputs }) => sum + outputs, 0);
  const products = new Products(
    { ...all, centred: all.data, offset: new Float64Array(all.columns), scaler: null },
    width,
    await kernelsOf(context),
  );
  try {
    for (let round = 1; fits.some(({ isDone }) => !isDone); round++) {
      await evaluate(
        fits.filter(({ isDone }) => !isDone),
        products,
        pause,
      );
      yield meter.at(Math.min(round, CS.length * SOLVER.max_iter));
    }
  } finally {
    products.dispose();
  }
  return { mixes: fits.map((fit) => fit.result()), share };
}

/** Rows that any draw asks for; some of them where memory is short. */
async function thinned(
  layers: readonly (() => Promise<Matrix>)[],
  requests: readonly MixRequest[],
  memory: number,
): Promise<{ used: Int32Array; share: number; draws: MixRequest[] }> {
  const { rows, columns } = await layers[0]!();
  const marks = new Uint8Array(rows);
  for (const { rows: parts } of requests)
    for (const part of [parts.train, parts.validation, parts.test])
      for (const row of part) marks[row] = 1;
  const asked = rowsInside(marks);
  const fit = Math.max(1, Math.floor(memory / (4 * columns * layers.length)));
  // Drawn, not every so many: a file may have its classes in turn.
  const used = asked.length <= fit ? asked : seededRandom(0).shuffle(asked).slice(0, fit).sort();
  const share = used.length / Math.max(1, asked.length);
  const place = new Int32Array(rows).fill(-1);
  used.forEach((row, at) => (place[row] = at));
  const draws = requests.map(({ labels, classes, rows: parts }) => {
    const kept = (part: Int32Array) => part.map((row) => place[row]!).filter((row) => row >= 0);
    const [train, validation, test] = [kept(parts.train), kept(parts.validation), kept(parts.test)];
    if (train.length === 0) {
      throw new HeadlightError('bad-labels', 'There are no rows to train a mix of layers on.', {
        hint: 'Add labelled texts, or choose fewer folds.',
      });
    }
    const own = Int32Array.from(used, (row) => labels[row]!);
    return { labels: own, classes, rows: { train, validation, test } };
  });
  return { used, share, draws };
}

/** All layers beside each other, each centred and of mean squared length 1, [rows, layers · columns]. */
async function joined(
  layers: readonly (() => Promise<Matrix>)[],
  used: Int32Array,
  pause: () => Promise<void>,
): Promise<Matrix> {
  let whole: Matrix | null = null;
  for (const [at, load] of layers.entries()) {
    const { columns, data, rows } = await load();
    whole ??= {
      rows: used.length,
      columns: columns * layers.length,
      data: new Float32Array(used.length * columns * layers.length),
    };
    if (columns * layers.length !== whole.columns)
      throw new HeadlightError('internal', `A layer of ${columns} columns among others.`);
    checkFinite({ rows, columns, data });
    const mean = new Float64Array(columns);
    for (const row of used)
      for (let j = 0; j < columns; j++) mean[j]! += data[row * columns + j]! / used.length;
    let squares = 0;
    for (const row of used)
      for (let j = 0; j < columns; j++) squares += (data[row * columns + j]! - mean[j]!) ** 2;
    const scale = squares > 0 ? Math.sqrt(used.length / squares) : 0;
    for (const [i, row] of used.entries()) {
      const to = i * whole.columns + at * columns;
      for (let j = 0; j < columns; j++)
        whole.data[to + j] = (data[row * columns + j]! - mean[j]!) * scale;
    }
    await pause();
  }
  if (whole === null) throw new HeadlightError('internal', 'No layers to mix.');
  return whole;
}

/** One evaluation of all draws: logits of the mix are the mix of the logits, so one product serves them. */
async function evaluate(
  fits: readonly MixFit[],
  products: Products,
  pause: () => Promise<void>,
): Promise<void> {
  const width = fits.reduce((sum, { outputs }) => sum + outputs, 0);
  const size = fits[0]!.layers * fits[0]!.columns;
  const packed = new Float32Array(size * width);
  let first = 0;
  const places = fits.map((fit) => {
    const at = first;
    fit.pack(packed, width, at);
    first += fit.outputs;
    return at;
  });
  const gradient = await products.gradient(
    packed,
    width,
    (start, rows, logits) => {
      for (const [i, fit] of fits.entries()) fit.visit(start, rows, logits, width, places[i]!);
    },
    pause,
  );
  for (const [i, fit] of fits.entries()) fit.advance(gradient, width, places[i]!);
}

/** One draw on its way along the Cs. The point is [columns · outputs weights, outputs intercepts, layers of the softmax]. */
class MixFit {
  readonly layers: number;
  readonly columns: number;
  readonly outputs: number;
  readonly #draw: MixRequest;
  readonly #weights: Float64Array;
  readonly #predicted: Int32Array;
  #solver: Lbfgs;
  #tally: Tally;
  #place = 0;
  #best: { mix: ScalarMix; accuracy: number } | null = null;

  constructor(draw: MixRequest, layers: number, columns: number) {
    this.#draw = draw;
    this.layers = layers;
    this.columns = columns;
    this.outputs = draw.classes === 2 ? 1 : draw.classes;
    this.#weights = new Float64Array(draw.labels.length);
    for (const row of draw.rows.train) this.#weights[row]! += 1;
    this.#predicted = new Int32Array(draw.labels.length);
    this.#solver = this.#newSolver();
    this.#tally = this.#newTally();
  }

  get isDone(): boolean {
    return this.#place >= CS.length;
  }

  result(): ScalarMix {
    if (this.#best === null) throw new HeadlightError('internal', 'A mix was not fitted.');
    return this.#best.mix;
  }

  /** Writes the trial's weights for each layer into columns `first` … of [layers · columns, width]. */
  pack(into: Float32Array, width: number, first: number): void {
    const { columns, outputs } = this;
    const point = this.#solver.trial;
    for (const [layer, share] of this.#shares(point).entries())
      for (let j = 0; j < columns; j++)
        for (let k = 0; k < outputs; k++)
          into[(layer * columns + j) * width + first + k] = share * point[j * outputs + k]!;
    this.#tally = this.#newTally();
  }

  visit(start: number, rows: number, logits: Float32Array, width: number, first: number): void {
    const { outputs } = this;
    const from = this.columns * outputs;
    const intercept = this.#solver.trial.subarray(from, from + outputs);
    for (let i = 0; i < rows; i++) {
      const at = i * width + first;
      let best = 0;
      if (outputs === 1) best = logits[at]! + intercept[0]! > 0 ? 1 : 0;
      else
        for (let k = 1; k < outputs; k++)
          if (logits[at + k]! + intercept[k]! > logits[at + best]! + intercept[best]!) best = k;
      this.#predicted[start + i] = best;
    }
    const { labels } = this.#draw;
    visitLoss(
      this.#tally,
      { width, first, outputs, intercept },
      labels,
      this.#weights,
      start,
      rows,
      logits,
    );
  }

  /** @param gradient of the loss by the weights of each layer, [layers · columns, width]. */
  advance(gradient: Float64Array, width: number, first: number): void {
    const { columns, outputs, layers } = this;
    const total = this.#draw.rows.train.length;
    const point = this.#solver.trial;
    const shares = this.#shares(point);
    const own = new Float64Array(point.length);
    const penalty = 1 / (CS[this.#place]! * total);
    const sensitivity = new Float64Array(layers);
    for (const [layer, share] of shares.entries())
      for (let j = 0; j < columns; j++)
        for (let k = 0; k < outputs; k++) {
          const slope = gradient[(layer * columns + j) * width + first + k]! / total;
          own[j * outputs + k]! += share * slope;
          sensitivity[layer]! += slope * point[j * outputs + k]!;
        }
    let squares = 0;
    for (let i = 0; i < columns * outputs; i++) {
      squares += point[i]! * point[i]!;
      own[i]! += penalty * point[i]!;
    }
    for (let k = 0; k < outputs; k++)
      own[columns * outputs + k] = this.#tally.intercepts[k]! / total;
    const mean = shares.reduce((sum, share, layer) => sum + share * sensitivity[layer]!, 0);
    for (const [layer, share] of shares.entries())
      own[(columns + 1) * outputs + layer] = share * (sensitivity[layer]! - mean);
    this.#solver.tell(this.#tally.loss / total + 0.5 * penalty * squares, own, own);
    if (this.#solver.state !== 'running') this.#finish(shares);
  }

  /** The point just evaluated stands for the one the solver settled on: they differ by its last step, if at all. */
  #finish(shares: readonly number[]): void {
    const { labels, rows } = this.#draw;
    const predicted = this.#predicted;
    const validation = accuracyOf(labels, predicted, rows.validation);
    const accuracy = validation ?? 0;
    if (this.#best === null || accuracy > this.#best.accuracy) {
      const mix = {
        weights: shares,
        C: CS[this.#place]!,
        accuracy: {
          train: accuracyOf(labels, predicted, rows.train) ?? 0,
          validation,
          test: accuracyOf(labels, predicted, rows.test),
        },
        converged: this.#solver.state === 'converged',
      };
      this.#best = { mix, accuracy };
    }
    this.#place += 1;
    // Anew: a strong penalty may settle on a single layer, from where no weaker one would find back.
    this.#solver = this.#newSolver();
  }

  #shares(point: Float64Array): readonly number[] {
    const logits = point.subarray((this.columns + 1) * this.outputs);
    const largest = logits.reduce((most, value) => Math.max(most, value), -Infinity);
    const powers = Array.from(logits, (value) => Math.exp(value - largest));
    const sum = powers.reduce((total, value) => total + value, 0);
    return powers.map((value) => value / sum);
  }

  #newSolver(): Lbfgs {
    const point = new Float64Array((this.columns + 1) * this.outputs + this.layers);
    const gradientNorm = (gradient: Float64Array) =>
      gradient.reduce((most, value) => (Math.abs(value) <= most ? most : Math.abs(value)), 0);
    return new Lbfgs(point, { ...SOLVER, gradientNorm });
  }

  #newTally(): Tally {
    return { loss: 0, intercepts: new Float64Array(this.outputs), curvature: 0, correct: 0 };
  }
}
