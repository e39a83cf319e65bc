/** The best few of many scores, for many rows at once: each row keeps a short list, best first. */

export class Candidates {
  readonly #size: number;
  readonly #scores: Float64Array;
  readonly #items: Int32Array;
  readonly #counts: Int32Array;

  constructor(rows: number, size: number) {
    this.#size = size;
    this.#scores = new Float64Array(rows * size);
    this.#items = new Int32Array(rows * size);
    this.#counts = new Int32Array(rows);
  }

  /** Keeps the item when it is among the best so far; the first of equals goes before. */
  offer(row: number, item: number, score: number): void {
    const start = row * this.#size;
    const count = this.#counts[row]!;
    if (count === this.#size && score <= this.#scores[start + count - 1]!) return;
    let at = start + (count === this.#size ? count - 1 : count);
    if (count < this.#size) this.#counts[row] = count + 1;
    while (at > start && this.#scores[at - 1]! < score) {
      this.#scores[at] = this.#scores[at - 1]!;
      this.#items[at] = this.#items[at - 1]!;
      at -= 1;
    }
    this.#scores[at] = score;
    this.#items[at] = item;
  }

  of(row: number): number[] {
    const start = row * this.#size;
    return [...this.#items.subarray(start, start + this.#counts[row]!)];
  }
}
