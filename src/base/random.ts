/** Seeded randomness: the same seed gives the same numbers on every machine and browser. */

export interface Random {
  /** A float in [0, 1). */
  next(): number;
  /** An integer in [0, below). */
  integer(below: number): number;
  /** Shuffles in place (Fisher-Yates) and returns the same array. */
  shuffle<T extends { length: number; [index: number]: unknown }>(items: T): T;
  /** A standard normal deviate (Box-Muller). */
  normal(): number;
}

/** PCG32 (XSH RR, O'Neill 2014) seeded through splitmix64. */
export function seededRandom(seed: number): Random {
  const mask = (1n << 64n) - 1n;
  let z = (BigInt(Math.trunc(seed)) + 0x9e3779b97f4a7c15n) & mask;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask;
  const state = z ^ (z >> 31n);
  // The low and high words are kept as numbers: BigInt arithmetic in the hot path is 20 times slower.
  let low = Number(state & 0xffffffffn);
  let high = Number(state >> 32n);
  const multiplierLow = 0x4c957f2d;
  const multiplierHigh = 0x5851f42d;
  const incrementLow = 0xf767814f;
  const incrementHigh = 0x14057b7e;

  function nextUint32(): number {
    const oldLow = low;
    const oldHigh = high;
    // state = state * multiplier + increment (mod 2^64), by 16-bit limbs of the low words.
    const a0 = oldLow & 0xffff;
    const a1 = oldLow >>> 16;
    const b0 = multiplierLow & 0xffff;
    const b1 = multiplierLow >>> 16;
    const p00 = a0 * b0;
    const p01 = a0 * b1;
    const p10 = a1 * b0;
    const p11 = a1 * b1;
    const middle = p01 + p10;
    const productLow = p00 + (middle % 0x10000) * 0x10000;
    let carry = Math.floor(productLow / 0x100000000) + Math.floor(middle / 0x10000) + p11;
    const sumLow = (productLow >>> 0) + incrementLow;
    low = sumLow >>> 0;
    carry += Math.floor(sumLow / 0x100000000);
    high =
      ((carry >>> 0) +
        (Math.imul(oldLow, multiplierHigh) >>> 0) +
        (Math.imul(oldHigh, multiplierLow) >>> 0) +
        incrementHigh) >>>
      0;
    const shiftedHigh = oldHigh >>> 18;
    const shiftedLow = ((oldHigh << 14) | (oldLow >>> 18)) >>> 0;
    const xorLow = (oldLow ^ shiftedLow) >>> 0;
    const xorHigh = (oldHigh ^ shiftedHigh) >>> 0;
    const xorshifted = ((xorHigh << 5) | (xorLow >>> 27)) >>> 0;
    const rotation = oldHigh >>> 27;
    return ((xorshifted >>> rotation) | (xorshifted << (-rotation & 31))) >>> 0;
  }

  const random: Random = {
    next: () => nextUint32() / 0x100000000,
    integer(below) {
      // Rejection keeps it unbiased.
      const limit = 0x100000000 - (0x100000000 % below);
      for (;;) {
        const value = nextUint32();
        if (value < limit) return value % below;
      }
    },
    shuffle(items) {
      for (let i = items.length - 1; i > 0; i--) {
        const j = random.integer(i + 1);
        const swap = items[i];
        items[i] = items[j];
        items[j] = swap;
      }
      return items;
    },
    normal() {
      const u = 1 - random.next();
      const v = random.next();
      return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
    },
  };
  return random;
}
