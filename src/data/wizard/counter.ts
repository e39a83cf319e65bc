/**
 * Counts the different values of a column without keeping them: values are told apart by a 64-bit hash, so a
 * column of a million different texts costs 16 bytes a text. The first values are kept as they are.
 */

/** Up to so many values are kept as texts. */
const KEPT = 2000;

export class ValueCounter {
  #high = new Int32Array(64);
  #low = new Int32Array(64);
  #rows = new Int32Array(64);
  #distinct = 0;
  #lastHigh = 0;
  #lastLow = 0;
  readonly #first: string[] = [];

  /** How many different values there are. */
  get distinct(): number {
    return this.#distinct;
  }

  /** Rows of each of the first values, in the order of their first appearance. */
  kept(): Map<string, number> {
    return new Map(this.#first.map((value) => [value, this.#rows[this.#find(value)] ?? 0]));
  }

  /** Adds one row of this value. */
  add(value: string): void {
    if (this.#distinct * 2 >= this.#rows.length) this.#grow();
    const slot = this.#find(value);
    const rows = this.#rows[slot] ?? 0;
    this.#rows[slot] = rows + 1;
    if (rows > 0) return;
    this.#high[slot] = this.#lastHigh;
    this.#low[slot] = this.#lastLow;
    this.#distinct++;
    if (this.#first.length < KEPT) this.#first.push(value);
  }

  /** Rows a value, most frequent first. */
  sorted(): Int32Array {
    return this.#rows
      .filter((rows) => rows > 0)
      .sort()
      .reverse();
  }

  /** The slot of a value; its hash is left in `#lastHigh` and `#lastLow`. */
  #find(value: string): number {
    let high = 0xdeadbeef;
    let low = 0x41c6ce57;
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      high = Math.imul(high ^ unit, 2654435761);
      low = Math.imul(low ^ unit, 1597334677);
    }
    this.#lastHigh =
      Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
    this.#lastLow =
      Math.imul(low ^ (low >>> 16), 2246822507) ^
      Math.imul(this.#lastHigh ^ (this.#lastHigh >>> 13), 3266489909);
    return this.#slot(this.#lastHigh, this.#lastLow);
  }

  #slot(high: number, low: number): number {
    const mask = this.#rows.length - 1;
    let slot = high & mask;
    while ((this.#rows[slot] ?? 0) > 0 && (this.#high[slot] !== high || this.#low[slot] !== low)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #grow(): void {
    const [high, low, rows] = [this.#high, this.#low, this.#rows];
    this.#high = new Int32Array(rows.length * 2);
    this.#low = new Int32Array(rows.length * 2);
    this.#rows = new Int32Array(rows.length * 2);
    rows.forEach((count, old) => {
      if (count === 0) return;
      const slot = this.#slot(high[old] ?? 0, low[old] ?? 0);
      this.#high[slot] = high[old] ?? 0;
      this.#low[slot] = low[old] ?? 0;
      this.#rows[slot] = count;
    });
  }
}
