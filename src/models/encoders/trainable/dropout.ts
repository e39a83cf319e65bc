/**
 * Dropout whose randomness comes from outside: for each place two short vectors of integers in [1, 4092],
 * r over the rows and c over the columns. A value is kept where the fraction of r c / 4093 is at least p; the
 * number is prime, so along each row and each column the fractions run through all of its parts alike. Only
 * products, floors and differences of float32, none of which a device may round in its own way: the same
 * values are dropped everywhere.
 */
import { type GraphBuilder, type Value } from '../../../graph/onnx';
import type { DropoutSite } from '../trainable-types';

const MODULUS = 4093;

export class Dropout {
  readonly sites: DropoutSite[] = [];
  readonly #builder: GraphBuilder;
  readonly #training: boolean;

  constructor(builder: GraphBuilder, training: boolean) {
    this.#builder = builder;
    this.#training = training;
  }

  /**
   * @param dims of `value`; the last axis is the columns, all others together the rows.
   * @param probability of being dropped; what is kept grows by as much, so the mean stays.
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
    const product = b.add('Mul', [b.add('Mul', [along, b.scalar(1 / MODULUS)]), across]);
    const fraction = b.add('Sub', [product, b.add('Floor', [product])]);
    // Between two multiples of 1/4093, so that the share that is kept is known: fractions run over k/4093.
    const dropped = Math.round(probability * (MODULUS - 1));
    const keep = b.add('GreaterOrEqual', [fraction, b.scalar((dropped + 0.5) / MODULUS)]);
    const kept = b.add('Where', [keep, value, b.scalar(0)]);
    return b.add('Mul', [kept, b.scalar((MODULUS - 1) / (MODULUS - 1 - dropped))]);
  }
}
