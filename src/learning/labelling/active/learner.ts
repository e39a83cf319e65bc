/**
 * A pool of texts that is labelled one by one: after each label the probe is fitted again, the pool is scored anew, and
 * the next text chosen. It holds features, not texts; what it says follows from the labels and their order alone, so
 * it is the same after a reload.
 */
import { ProgressMeter, seededRandom, type Job } from '../../../base';
import {
  Refitter,
  ScoredRows,
  type Kernels,
  type Matrix,
  type Targets,
  type WarmHead,
} from '../../heads';
import { chooseRows } from './choose';
import { Coverage } from './coverage';
import { curveSizes, isCurveSize, type CurveMeasure } from './curve';
import type { ActiveStrategy, ChosenRow } from './types';

export interface LearnerOptions {
  /** [rows, columns]. */
  readonly pool: Matrix;
  /** Texts with the same number are copies of each other, [rows]: one of them is labelled, none measured and learnt. */
  readonly copies: Int32Array;
  /** Held-out texts beside the pool, with their labels (0/1 targets where a text may have several). */
  readonly truth: { readonly features: Matrix; readonly targets: Targets } | null;
  readonly classes: readonly string[];
  readonly several: boolean;
  /** What the teachers propose for the pool, [rows, classes], NaN where they do not vote; null without any. */
  readonly proposed: Float32Array | null;
  readonly seed: number;
  readonly kernels: Kernels;
  /** Runs a piece of work while the kernels can compute and nothing comes between; the work waits for nothing else. */
  readonly onKernels: <Result>(work: () => Promise<Result>) => Promise<Result>;
  /** Inverse strength of the penalty, for features whose variance is 1 in all. */
  readonly C?: number;
}

/** A label by hand, on a row of the pool. */
export interface PoolLabel {
  readonly row: number;
  /** Class indices: one, or of several labels all it has; null: skipped. */
  readonly labels: readonly number[] | null;
  readonly held_out: boolean;
}

/** By measurement on TREC and Banking77 with all-MiniLM-L6-v2: with few labels a weak penalty is better. */
export const ACTIVE_C = 10;

interface HeldOut {
  /** Which texts with which labels. */
  readonly key: string;
  readonly rows: ScoredRows;
  /** 0/1, [rows, classes]. */
  readonly targets: Uint8Array;
}

interface Kept {
  readonly labels: number;
  readonly head: WarmHead;
}

export class ActiveLearner {
  readonly #options: LearnerOptions;
  readonly #refitter: Refitter;
  readonly #scored: ScoredRows;
  readonly #coverage: Coverage;
  readonly #order: Int32Array;
  /** The labels that are learnt from, in order. */
  #train: readonly PoolLabel[] = [];
  #open: Uint8Array;
  #heads: Kept[] = [];
  #held: HeldOut | null = null;
  #measures: CurveMeasure[] = [];
  /** What each probe gets right of the held-out texts. */
  #rightOf = new WeakMap<WarmHead, boolean[]>();
  #probabilities: Float32Array | null = null;
  /** Whose they are. */
  #scoredBy: WarmHead | null = null;
  #milliseconds: number | null = null;

  private constructor(options: LearnerOptions, scored: ScoredRows, coverage: Coverage) {
    const { pool, classes, several, seed, kernels, C = ACTIVE_C } = options;
    this.#options = options;
    this.#scored = scored;
    this.#coverage = coverage;
    this.#refitter = new Refitter({ classes, several, C: C / variance(pool) }, kernels);
    // Another order than the one that texts to measure by are drawn in.
    this.#order = seededRandom(seed + 1).shuffle(
      Int32Array.from({ length: pool.rows }, (_, i) => i),
    );
    this.#open = new Uint8Array(pool.rows).fill(1);
  }

  static async open(options: LearnerOptions): Promise<ActiveLearner> {
    const { pool, seed, kernels } = options;
    return options.onKernels(async () => {
      const coverage = await Coverage.of(pool, seed, kernels);
      return new ActiveLearner(options, new ScoredRows(pool, kernels), coverage);
    });
  }

  /** Texts that may be chosen. */
  get open(): number {
    return this.#open.reduce((sum, one) => sum + one, 0);
  }
  /** Labels that are learnt from. */
  get labelled(): number {
    return this.#train.length;
  }
  /** Of them, a class. */
  get classCounts(): Int32Array {
    const counts = new Int32Array(this.#options.classes.length);
    for (const { labels } of this.#train) for (const k of labels ?? []) counts[k]! += 1;
    return counts;
  }
  /** Texts that are measured by. */
  get heldOut(): number {
    return this.#held?.rows.rows ?? 0;
  }
  /** Ascending by labels, the last of all; empty without held-out texts. */
  get measures(): readonly CurveMeasure[] {
    return this.#measures;
  }
  /** [rows, classes]; null while the probe cannot tell classes apart. */
  get probabilities(): Float32Array | null {
    return this.#probabilities;
  }
  /** The probe as it is; null as `probabilities`. */
  get head(): WarmHead | null {
    return this.#probabilities === null ? null : (this.#heads.at(-1)?.head ?? null);
  }
  /** That the last fit and the scoring of the pool took. */
  get milliseconds(): number | null {
    return this.#milliseconds;
  }

  /**
   * @param given all labels by hand, in the order in which they were given. What has been fitted on a beginning of
   *   them before is not fitted again.
   */
  async *learn(given: readonly PoolLabel[]): Job<void> {
    const { copies } = this.#options;
    const measured = new Set(
      given.flatMap(({ row, labels, held_out }) =>
        held_out && labels !== null ? [copies[row]] : [],
      ),
    );
    const done = new Set(given.map(({ row }) => copies[row]));
    this.#open = Uint8Array.from(copies, (copy) => (done.has(copy) ? 0 : 1));
    const train = given.filter(
      ({ row, labels, held_out }) => labels !== null && !held_out && !measured.has(copies[row]),
    );
    this.#keepHeads(train);
    this.#cover(train);
    this.#train = train;

    const sizes = curveSizes(train.length).filter(
      (size) => !this.#heads.some(({ labels }) => labels === size) && this.#canFit(size),
    );
    const meter = new ProgressMeter('Fitting the probe', 'fits', sizes.length);
    for (const [at, size] of sizes.entries()) {
      const started = performance.now();
      const head = await this.#options.onKernels(() => this.#fit(size));
      this.#milliseconds = performance.now() - started;
      this.#heads.push({ labels: size, head });
      yield meter.at(at + 1);
    }
    this.#heads.sort((a, b) => a.labels - b.labels);
    await this.#options.onKernels(async () => {
      await this.#score();
      await this.#measure(given);
    });
  }

  /** The classes that are likeliest for a row of the pool, the likeliest first; none without a probe. */
  likeliest(row: number, count: number): number[] {
    const { length } = this.#options.classes;
    const own = this.#probabilities?.subarray(row * length, (row + 1) * length);
    if (own === undefined) return [];
    return Array.from(own.keys())
      .sort((a, b) => own[b]! - own[a]! || a - b)
      .slice(0, count);
  }

  /** At most `count`, the first one first. */
  next(strategy: ActiveStrategy, count: number): ChosenRow[] {
    const { classes, several, proposed } = this.#options;
    return chooseRows(
      {
        classes: classes.length,
        several,
        open: this.#open,
        probabilities: this.#probabilities,
        labelled: this.classCounts,
        proposed,
        order: this.#order,
        coverage: this.#coverage,
      },
      strategy,
      count,
    );
  }

  /** What the next fit can use, made where there is time for it: after an answer, while the next text is read. */
  prepare(): Promise<void> {
    return this.#options.onKernels(() => this.#refitter.prepare());
  }

  dispose(): void {
    this.#refitter.forget();
    this.#scored.dispose();
    this.#held?.rows.dispose();
    this.#held = null;
  }

  /** What was labelled before stays covered, where it is still labelled. */
  #cover(train: readonly PoolLabel[]): void {
    const isLonger = this.#train.every(({ row }, at) => train[at]?.row === row);
    if (!isLonger) this.#coverage.reset();
    for (const { row } of train.slice(isLonger ? this.#train.length : 0)) this.#coverage.cover(row);
  }

  /** Those of a beginning that is still the same, and of a size that the curve keeps. */
  #keepHeads(train: readonly PoolLabel[]): void {
    let same = 0;
    while (same < train.length && sameLabel(train[same], this.#train[same])) same++;
    this.#heads = this.#heads.filter(
      ({ labels }) => labels <= same && (labels === train.length || isCurveSize(labels)),
    );
  }

  /** Whether the first labels are of two classes; of several labels: whether one of them is on some, not on all. */
  #canFit(size: number): boolean {
    const { several, classes } = this.#options;
    const counts = new Int32Array(classes.length);
    for (const { labels } of this.#train.slice(0, size))
      for (const k of labels ?? []) counts[k]! += 1;
    if (several) return counts.some((count) => count > 0 && count < size);
    return counts.filter((count) => count > 0).length > 1;
  }

  #fit(size: number): Promise<WarmHead> {
    const { pool, classes, several } = this.#options;
    const given = this.#train.slice(0, size);
    const features = takeRows(
      pool,
      given.map(({ row }) => row),
    );
    return this.#refitter.fit(
      features,
      several
        ? { kind: 'multi_label', targets: manyHot(given, classes.length) }
        : { kind: 'labels', labels: Int32Array.from(given, ({ labels }) => labels?.[0] ?? 0) },
    );
  }

  async #score(): Promise<void> {
    const last = this.#heads.at(-1);
    if (last?.labels !== this.#train.length) {
      this.#probabilities = null;
      this.#scoredBy = null;
      this.#milliseconds = null;
      return;
    }
    if (this.#scoredBy === last.head) return;
    const started = performance.now();
    this.#scoredBy = last.head;
    this.#probabilities = await this.#scored.probabilities(last.head, this.#options.several);
    this.#milliseconds = (this.#milliseconds ?? 0) + performance.now() - started;
  }

  /** Each probe of the curve on the held-out texts; those that were measured on the same texts stay. */
  async #measure(given: readonly PoolLabel[]): Promise<void> {
    const held = given.filter(({ labels, held_out }) => held_out && labels !== null);
    const key = JSON.stringify(held.map(({ row, labels }) => [row, labels]));
    let own = this.#held;
    if (own?.key !== key) {
      own?.rows.dispose();
      own = this.#holdOut(held, key);
      this.#held = own;
      this.#rightOf = new WeakMap();
    }
    this.#measures = [];
    if (own.rows.rows === 0) return;
    for (const { labels, head } of this.#heads) {
      const right = this.#rightOf.get(head) ?? (await this.#right(head, own));
      this.#rightOf.set(head, right);
      this.#measures.push({ labels, right });
    }
  }

  #holdOut(held: readonly PoolLabel[], key: string): HeldOut {
    const { pool, classes, truth, kernels } = this.#options;
    const own = takeRows(
      pool,
      held.map(({ row }) => row),
    );
    const rows = own.rows + (truth?.features.rows ?? 0);
    const data = new Float32Array(rows * pool.columns);
    data.set(own.data);
    const targets = new Uint8Array(rows * classes.length);
    targets.set(manyHot(held, classes.length));
    if (truth !== null) {
      data.set(truth.features.data, own.data.length);
      const { targets: given } = truth;
      if (given.kind === 'multi_label') targets.set(given.targets, own.rows * classes.length);
      else given.labels.forEach((k, at) => (targets[(own.rows + at) * classes.length + k] = 1));
    }
    return { key, rows: new ScoredRows({ rows, columns: pool.columns, data }, kernels), targets };
  }

  async #right(head: WarmHead, held: HeldOut): Promise<boolean[]> {
    const { classes, several } = this.#options;
    const said = await held.rows.probabilities(head, several);
    return Array.from({ length: held.rows.rows }, (_, row) => {
      const from = row * classes.length;
      if (several)
        return classes.every((_, k) => said[from + k]! >= 0.5 === (held.targets[from + k] === 1));
      let best = 0;
      for (let k = 1; k < classes.length; k++) if (said[from + k]! > said[from + best]!) best = k;
      return held.targets[from + best] === 1;
    });
  }
}

function sameLabel(a: PoolLabel | undefined, b: PoolLabel | undefined): boolean {
  return (
    a?.row === b?.row &&
    a?.labels?.length === b?.labels?.length &&
    (a?.labels?.every((label, at) => label === b?.labels?.[at]) ?? true)
  );
}

function manyHot(given: readonly PoolLabel[], classes: number): Uint8Array {
  const targets = new Uint8Array(given.length * classes);
  given.forEach(({ labels }, row) => {
    for (const k of labels ?? []) targets[row * classes + k] = 1;
  });
  return targets;
}

function takeRows({ columns, data }: Matrix, rows: readonly number[]): Matrix {
  const taken = new Float32Array(rows.length * columns);
  rows.forEach((row, at) => {
    taken.set(data.subarray(row * columns, (row + 1) * columns), at * columns);
  });
  return { rows: rows.length, columns, data: taken };
}

/** Of all columns together; 1 where there is none. */
function variance({ rows, columns, data }: Matrix): number {
  const sums = new Float64Array(columns);
  let squares = 0;
  for (let i = 0, at = 0; i < rows; i++)
    for (let j = 0; j < columns; j++, at++) {
      sums[j]! += data[at]!;
      squares += data[at]! * data[at]!;
    }
  const mean = sums.reduce((total, sum) => total + (sum / rows) ** 2, 0);
  const found = squares / rows - mean;
  return found > 0 ? found : 1;
}
