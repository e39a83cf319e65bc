/**
 * The word table where the host looks rows up. A training touches few of its rows: those of its texts are
 * kept apart and trained like any parameter; all others have no gradient and zero moments, so in AdamW
 * only weight decay moves them, all by one factor. That is the dense optimiser to the bit but for the
 * rounding of the factor, which is taken in double precision once and not in each step (1e-6 relative).
 */
import { HeadlightError } from '../../base';
import type { Parameter } from '../../models';
import { adamSlot, type AdamSlot } from './adamw';
import { halfToFloat } from './half';

export class WordTable {
  readonly hidden: number;
  /** The trained rows, with their moments; null for a frozen table. */
  readonly slot: AdamSlot | null;
  /** What decay has made of the rows that no text has. */
  factor = 1;
  readonly #parameter: Parameter;
  /** Place in the slot by token id; -1 for none. */
  readonly #places: Int32Array;
  readonly #used: readonly number[];

  /** @param ids all token ids that occur in the training texts. */
  constructor(parameter: Parameter, ids: Iterable<number>) {
    const [rows = 0, hidden = 0] = parameter.dims;
    this.hidden = hidden;
    this.#parameter = parameter;
    this.#places = new Int32Array(rows).fill(-1);
    if (!parameter.trainable) {
      this.#used = [];
      this.slot = null;
      return;
    }
    const used = [...new Set(ids)].sort((a, b) => a - b);
    const values = new Float32Array(used.length * hidden);
    used.forEach((id, place) => {
      this.#check(id);
      this.#readFirst(id, values, place * hidden);
      this.#places[id] = place;
    });
    this.#used = used;
    this.slot = adamSlot(parameter.name, values, parameter.decay);
  }

  /** The rows of these ids, [ids, hidden]. */
  lookUp(ids: Int32Array): Float32Array {
    const { hidden, slot } = this;
    const rows = new Float32Array(ids.length * hidden);
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      const place = this.#places[id];
      if (place === undefined) this.#check(id);
      if (slot !== null && place !== undefined && place >= 0) {
        const start = place * hidden;
        rows.set(slot.values.subarray(start, start + hidden), i * hidden);
      } else {
        this.#readFirst(id, rows, i * hidden);
        if (this.factor !== 1)
          for (let h = i * hidden; h < (i + 1) * hidden; h++) rows[h] = rows[h]! * this.factor;
      }
    }
    return rows;
  }

  /**
   * Adds the gradient of looked-up rows to that of the slot, in the order of the batch. The padding token
   * has none, as `torch.nn.Embedding(padding_idx)`.
   */
  scatter(gradient: Float32Array, ids: Int32Array, padId: number, into: Float32Array): void {
    const { hidden } = this;
    for (let i = 0; i < ids.length; i++) {
      if (ids[i] === padId) continue;
      const to = this.#places[ids[i]!]! * hidden;
      const from = i * hidden;
      for (let h = 0; h < hidden; h++) into[to + h] = into[to + h]! + gradient[from + h]!;
    }
  }

  /** The whole table, from the values of the slot and the factor as they were at some step. */
  whole(values: Float32Array, factor: number): Float32Array {
    const { hidden } = this;
    const table = new Float32Array(this.#places.length * hidden);
    for (let id = 0; id < this.#places.length; id++) this.#readFirst(id, table, id * hidden);
    if (factor !== 1) for (let i = 0; i < table.length; i++) table[i] = table[i]! * factor;
    this.#used.forEach((id, place) => {
      table.set(values.subarray(place * hidden, (place + 1) * hidden), id * hidden);
    });
    return table;
  }

  /** The row as the checkpoint has it. */
  #readFirst(id: number, into: Float32Array, at: number): void {
    const { hidden } = this;
    const { values } = this.#parameter;
    const start = id * hidden;
    if (values.precision === 'fp32') into.set(values.data.subarray(start, start + hidden), at);
    else if (values.precision === 'fp16')
      for (let h = 0; h < hidden; h++) into[at + h] = halfToFloat(values.data[start + h]!);
    else
      for (let h = 0; h < hidden; h++) into[at + h] = values.data[start + h]! * values.scales[id]!;
  }

  #check(id: number): void {
    if (Number.isInteger(id) && id >= 0 && id < this.#places.length) return;
    throw new HeadlightError(
      'bad-model',
      `A text has the token ${id}, but the word table has ${this.#places.length} rows.`,
      { hint: 'The tokenizer belongs to another model; use the one of this encoder.' },
    );
  }
}
