/**
 * Which text stands best for those that no labelled one stands for: greedy facility location (Wei, Iyer & Bilmes,
 * Submodularity in data subset selection and active learning, ICML 2015). Unlike k-centre it is not drawn to
 * outliers: a text gains by the others that it is like. Texts are alike by the cosine of their embeddings, less the
 * mean embedding; a random thousand of the pool is what is to be stood for, three thousand are candidates.
 */
import { seededRandom } from '../../../base';
import { ScoredRows, type Kernels, type Matrix } from '../../heads';

const REFERENCES = 1000;
const CANDIDATES = 3000;
/** The least cosine: of what nothing stands for. */
const NOTHING = -1;

export class Coverage {
  /** Rows of the pool that may be chosen, ascending. */
  readonly candidates: Int32Array;
  readonly #unit: Matrix;
  readonly #references: Matrix;
  /** Cosines of candidates to references, [candidates, references]. */
  readonly #alike: Float32Array;
  /** Of rows that are no candidates, [references] each. */
  readonly #others: Map<number, Float32Array>;
  /** Cosine of each reference to the labelled text that is most like it. */
  readonly #stoodFor: Float32Array;

  private constructor(
    unit: Matrix,
    references: Matrix,
    candidates: Int32Array,
    alike: Float32Array,
    others: Map<number, Float32Array>,
    stoodFor: Float32Array,
  ) {
    this.#unit = unit;
    this.#references = references;
    this.candidates = candidates;
    this.#alike = alike;
    this.#others = others;
    this.#stoodFor = stoodFor;
  }

  /** @param pool [rows, columns]. The same seed gives the same choice. */
  static async of(pool: Matrix, seed: number, kernels: Kernels): Promise<Coverage> {
    const unit = centredUnits(pool);
    const order = seededRandom(seed).shuffle(
      Int32Array.from({ length: pool.rows }, (_, row) => row),
    );
    const references = rowsOf(unit, order.slice(0, REFERENCES));
    // Of the other end, so that in a large pool a candidate is rarely its own reference.
    const candidates = order.slice(Math.max(0, pool.rows - CANDIDATES)).sort();
    const scored = new ScoredRows(rowsOf(unit, candidates), kernels);
    try {
      const alike = await scored.products(references);
      const stoodFor = new Float32Array(references.rows).fill(NOTHING);
      return new Coverage(unit, references, candidates, alike, new Map(), stoodFor);
    } finally {
      scored.dispose();
    }
  }

  /** From now on what is like this row of the pool is stood for. */
  cover(row: number): void {
    const alike = this.#alikeOf(row);
    for (let r = 0; r < alike.length; r++)
      if (alike[r]! > this.#stoodFor[r]!) this.#stoodFor[r] = alike[r]!;
  }

  /** Its cosines to the references: known of candidates, computed once of others. */
  #alikeOf(row: number): Float32Array {
    const known = this.#others.get(row);
    if (known !== undefined) return known;
    const { rows, columns, data } = this.#references;
    const place = this.candidates.indexOf(row);
    if (place >= 0) return this.#alike.subarray(place * rows, (place + 1) * rows);
    const own = this.#unit.data.subarray(row * columns, (row + 1) * columns);
    const alike = Float32Array.from({ length: rows }, (_, r) => {
      let sum = 0;
      for (let j = 0; j < columns; j++) sum += own[j]! * data[r * columns + j]!;
      return sum;
    });
    this.#others.set(row, alike);
    return alike;
  }

  /** How much more is stood for with each candidate, [candidates]; never below 0. */
  gains(): Float64Array {
    const references = this.#references.rows;
    const gains = new Float64Array(this.candidates.length);
    for (let c = 0; c < gains.length; c++) {
      let gain = 0;
      for (let r = 0, at = c * references; r < references; r++, at++) {
        const more = this.#alike[at]! - this.#stoodFor[r]!;
        if (more > 0) gain += more;
      }
      gains[c] = gain;
    }
    return gains;
  }

  /** The same, to be covered further without changing this one. */
  fork(): Coverage {
    return new Coverage(
      this.#unit,
      this.#references,
      this.candidates,
      this.#alike,
      this.#others,
      this.#stoodFor.slice(),
    );
  }

  /** Nothing is stood for any more. */
  reset(): void {
    this.#stoodFor.fill(NOTHING);
  }
}

/** Each row less the mean of all, at unit length; a row that is the mean stays 0. */
function centredUnits({ rows, columns, data }: Matrix): Matrix {
  const mean = new Float64Array(columns);
  for (let i = 0, at = 0; i < rows; i++)
    for (let j = 0; j < columns; j++, at++) mean[j]! += data[at]! / rows;
  const unit = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) {
    let squares = 0;
    for (let j = 0; j < columns; j++) {
      const value = data[i * columns + j]! - mean[j]!;
      unit[i * columns + j] = value;
      squares += value * value;
    }
    const length = Math.sqrt(squares);
    if (length > 0) for (let j = 0; j < columns; j++) unit[i * columns + j]! /= length;
  }
  return { rows, columns, data: unit };
}

function rowsOf({ columns, data }: Matrix, rows: Int32Array): Matrix {
  const taken = new Float32Array(rows.length * columns);
  rows.forEach((row, at) => {
    taken.set(data.subarray(row * columns, (row + 1) * columns), at * columns);
  });
  return { rows: rows.length, columns, data: taken };
}
