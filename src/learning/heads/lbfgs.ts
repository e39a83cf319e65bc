/**
 * L-BFGS for one smooth convex function, turned inside out: it names a point, is told value and gradient
 * there, and names the next. So several fits can share one evaluation. State is float64.
 * (Nocedal & Wright, Numerical Optimization, 2006, algorithms 7.4 and 3.5; acceptance near the optimum by
 * the approximate Wolfe condition of Hager & Zhang, 2005, since float32 values cannot be compared there.)
 */

const MEMORY = 20;
const DECREASE = 1e-4;
const MOST_TRIALS = 20;
/** Relative noise of a value computed through float32 products. */
const VALUE_NOISE = 1e-7;

export interface LbfgsOptions {
  /** Stop when the largest gradient component is at most this... */
  readonly tol: number;
  /** ...and the next step would be at most this, relative to the point (both Euclidean norms). */
  readonly stepTolerance: number;
  readonly max_iter: number;
  /** The largest gradient component, in the units `tol` is meant in. */
  readonly gradientNorm: (gradient: Float64Array) => number;
  /** Corrections kept, each of three vectors of the point's size; 20 unless told. */
  readonly memory?: number;
}

export type LbfgsState = 'running' | 'converged' | 'stalled' | 'exhausted';

interface Correction {
  readonly s: Float64Array;
  readonly y: Float64Array;
  /** P⁻¹ y. */
  readonly py: Float64Array;
  readonly rho: number;
}

export class Lbfgs {
  /** Where value and gradient are wanted next. */
  trial: Float64Array;
  /** The best point so far. */
  point: Float64Array;
  state: LbfgsState = 'running';
  iterations = 0;
  gradientNorm = Infinity;
  readonly #options: LbfgsOptions;
  #value = NaN;
  #gradient: Float64Array | null = null;
  #preconditioned: Float64Array | null = null;
  #direction: Float64Array | null = null;
  /** What is left of the gradient in the two-loop recursion. */
  #rest: Float64Array | null = null;
  #slope = 0;
  #step = 1;
  #lowest = 0;
  #highest = Infinity;
  #trials = 0;
  #corrections: Correction[] = [];

  constructor(start: Float64Array, options: LbfgsOptions) {
    this.point = start;
    this.trial = start;
    this.#options = options;
  }

  /**
   * Takes value and gradient at `trial`, and sets the next `trial` or the state.
   * @param preconditioned P⁻¹ · gradient, P a fixed approximation of the Hessian. Both are kept.
   */
  tell(value: number, gradient: Float64Array, preconditioned: Float64Array): void {
    if (this.#gradient === null || this.#preconditioned === null || this.#direction === null) {
      this.#arrive(value, gradient, preconditioned);
      return;
    }
    const slope = dot(gradient, this.#direction);
    const decreased = value <= this.#value + DECREASE * this.#step * this.#slope;
    const noise = VALUE_NOISE * Math.abs(this.#value);
    const nearlyFlat = value <= this.#value + noise && slope <= (2 * DECREASE - 1) * this.#slope;
    if (decreased || nearlyFlat) {
      const isFull = this.#corrections.length >= (this.#options.memory ?? MEMORY);
      // The oldest gives way, and its vectors are used again: also to one that is not kept, which convex functions do not make.
      const old = isFull ? this.#corrections.shift() : undefined;
      const s = subtract(this.trial, this.point, old?.s);
      const y = subtract(gradient, this.#gradient, old?.y);
      const curvature = dot(s, y);
      if (curvature > 1e-12 * Math.sqrt(dot(s, s) * dot(y, y))) {
        const py = subtract(preconditioned, this.#preconditioned, old?.py);
        this.#corrections.push({ s, y, py, rho: 1 / curvature });
      }
      this.iterations += 1;
      this.#arrive(value, gradient, preconditioned);
      return;
    }
    this.#highest = this.#step;
    this.#trials += 1;
    if (this.#trials >= MOST_TRIALS) {
      this.state = 'stalled';
      return;
    }
    // The slopes at both ends give the minimum of a quadratic; kept away from the ends.
    const guess = (this.#step * this.#slope) / (this.#slope - slope);
    const low = this.#lowest + 0.1 * (this.#highest - this.#lowest);
    const high = this.#lowest + 0.7 * (this.#highest - this.#lowest);
    this.#step = Number.isFinite(guess) && guess > 0 ? Math.min(high, Math.max(low, guess)) : low;
    this.#propose();
  }

  #arrive(value: number, gradient: Float64Array, preconditioned: Float64Array): void {
    this.point = this.trial;
    this.#value = value;
    this.#gradient = gradient;
    this.#preconditioned = preconditioned;
    this.gradientNorm = this.#options.gradientNorm(gradient);
    if (!Number.isFinite(value) || !Number.isFinite(this.gradientNorm)) {
      this.state = 'stalled';
      return;
    }
    const direction = this.#newDirection(gradient, preconditioned);
    this.#slope = dot(gradient, direction);
    if (this.gradientNorm <= this.#options.tol) {
      const relative = Math.sqrt(dot(direction, direction) / dot(this.point, this.point));
      if (!(relative > this.#options.stepTolerance)) {
        this.state = 'converged';
        return;
      }
    }
    if (!(this.#slope < 0)) {
      this.state = 'stalled';
      return;
    }
    if (this.iterations >= this.#options.max_iter) {
      this.state = 'exhausted';
      return;
    }
    this.#step = 1;
    this.#lowest = 0;
    this.#highest = Infinity;
    this.#trials = 0;
    this.#propose();
  }

  #propose(): void {
    const { point } = this;
    const direction = this.#direction;
    if (direction === null) return;
    const trial = new Float64Array(point.length);
    for (let i = 0; i < trial.length; i++) trial[i] = point[i]! + this.#step * direction[i]!;
    this.trial = trial;
  }

  /** The two-loop recursion, with the preconditioned corrections kept instead of applying it again. */
  #newDirection(gradient: Float64Array, preconditioned: Float64Array): Float64Array {
    const q = (this.#rest ??= new Float64Array(gradient.length));
    const r = (this.#direction ??= new Float64Array(gradient.length));
    q.set(gradient);
    r.set(preconditioned);
    const corrections = this.#corrections;
    const alphas: number[] = [];
    for (let i = corrections.length - 1; i >= 0; i--) {
      const { s, y, py, rho } = corrections[i]!;
      const alpha = rho * dot(s, q);
      alphas[i] = alpha;
      addBoth(q, y, r, py, -alpha);
    }
    const last = corrections.at(-1);
    if (last !== undefined) {
      // The newest correction rescales the preconditioner: gamma = sᵀy / yᵀ P⁻¹ y.
      const gamma = 1 / (last.rho * dot(last.y, last.py));
      for (let i = 0; i < r.length; i++) r[i]! *= gamma;
    }
    for (const [i, { s, y, rho }] of corrections.entries()) {
      const beta = rho * dot(y, r);
      add(r, s, alphas[i]! - beta);
    }
    for (let i = 0; i < r.length; i++) r[i] = -r[i]!;
    return r;
  }
}

function add(target: Float64Array, other: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i]! += factor * other[i]!;
}

function addBoth(
  target: Float64Array,
  other: Float64Array,
  second: Float64Array,
  secondOther: Float64Array,
  factor: number,
): void {
  for (let i = 0; i < target.length; i++) {
    target[i]! += factor * other[i]!;
    second[i]! += factor * secondOther[i]!;
  }
}

function subtract(
  a: Float64Array,
  b: Float64Array,
  difference: Float64Array = new Float64Array(a.length),
): Float64Array {
  for (let i = 0; i < a.length; i++) difference[i] = a[i]! - b[i]!;
  return difference;
}

function dot(a: Float64Array, b: Float64Array): number {
  // Four sums, so that the additions need not wait for each other.
  let [first, second, third, fourth] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < a.length; i += 4) {
    first += a[i]! * b[i]!;
    second += a[i + 1]! * b[i + 1]!;
    third += a[i + 2]! * b[i + 2]!;
    fourth += a[i + 3]! * b[i + 3]!;
  }
  for (; i < a.length; i++) first += a[i]! * b[i]!;
  return first + second + (third + fourth);
}
