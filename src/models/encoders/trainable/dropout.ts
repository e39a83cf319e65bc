/**
 * Dropout whose randomness comes from outside: for each place integers in [1, 4092], a over the rows and b
 * over the columns. A value is dropped where (a b + c) mod 4093 lies in a stretch of p of all remainders; c is
 * another number for each of 4,093 rows that follow each other, so that rows which draw the same a do not
 * drop the same values. The number is prime, so along a row the remainders run through all of its parts alike.
 *
 * The same values are dropped on every device: a b + c is an integer below 2^24, exact in float32, fused or
 * not. Only the quotient is rounded; where that leaves it one off, the remainder is one of the first or
 * last few, and the stretch lies in the middle, far from these.
 */
import { type GraphBuilder, type Value } from '../../../graph/onnx';
import type { DropoutSite } from '../trainable-types';

const MODULUS = 4093;

/** From one row's c to the next: about the golden section of 4093, so that rows near each other differ much. */
const STRIDE = 2529;

export class Dropout {
  readonly sites: DropoutSite[] = [];
  readonly #builder: GraphBuilder;
  readonly #training: boolean;
  /** c of the rows, by the shape that it is added in. */
  readonly #shifts = new Map<string, Value>();

  constructor(builder: GraphBuilder, training: boolean) {
    this.#builder = builder;
    this.#training = training;
  }

  /**
   * @param dims of `value`; the last axis is the columns, all others together the rows.
   * @param probability of being dropped, at most 0.9; what is kept grows by as much, so the mean stays.
   */
  apply(value: Value, dims: readonly number[], probability: number): Value {
    if (!this.#training || probability === 0) return value;
    const b = this.#builder;
    const columns = dims.at(-1) ?? 1;
    const rows = dims.slice(0, -1).reduce((product, dim) => product * dim, 1);
    const at = `dropout.${this.sites.length}`;
    const site = { rowsInput: `${at}.rows`, rows, columnsInput: `${at}.columns`, columns };
    this.sites.push(site);
    let along = b.input(site.rowsInput, 'float32', [rows, 1]);
    let across = b.input(site.columnsInput, 'float32', [1, columns]);
    if (dims.length > 2) {
      along = b.add('Reshape', [along, b.integers(...dims.slice(0, -1), 1)]);
      across = b.add('Reshape', [across, b.integers(...dims.slice(1).map(() => 1), columns)]);
    }
    const sum = b.add('Add', [b.add('Mul', [along, across]), this.#shift(dims, rows)]);
    const quotient = b.add('Floor', [b.add('Mul', [sum, b.scalar(1 / MODULUS)])]);
    const remainder = b.add('Sub', [sum, b.add('Mul', [quotient, b.scalar(MODULUS)])]);
    const dropped = Math.round(probability * MODULUS);
    const first = Math.round((MODULUS - dropped) / 2);
    const fromMiddle = b.add('Abs', [
      b.add('Sub', [remainder, b.scalar(first + (dropped - 1) / 2)]),
    ]);
    const keep = b.add('GreaterOrEqual', [fromMiddle, b.scalar(dropped / 2)]);
    const kept = b.add('Where', [keep, value, b.scalar(0)]);
    return b.add('Mul', [kept, b.scalar(MODULUS / (MODULUS - dropped))]);
  }

  #shift(dims: readonly number[], rows: number): Value {
    const shape = [...dims.slice(0, -1), 1];
    const known = this.#shifts.get(shape.join());
    if (known !== undefined) return known;
    const values = Float32Array.from({ length: rows }, (_, row) => (row * STRIDE) % MODULUS);
    const shift = this.#builder.constant('float32', shape, values);
    this.#shifts.set(shape.join(), shift);
    return shift;
  }
}
