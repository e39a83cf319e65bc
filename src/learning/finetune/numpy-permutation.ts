/**
 * `numpy.random.RandomState(seed).permutation(n)`, to the number: SetFit shuffles its pairs with it, and so do we,
 * so that both see the same pairs in the same order.
 * @see Matsumoto and Nishimura (1998), MT19937; numpy's legacy seeding and shuffling.
 */

const STATE = 624;
const MIDDLE = 397;

/** MT19937 seeded with one number, as `RandomState(seed)`. */
function mersenneTwister(seed: number): () => number {
  const state = new Uint32Array(STATE);
  state[0] = seed;
  for (let i = 1; i < STATE; i++) {
    const before = state[i - 1]!;
    state[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i;
  }
  let at = STATE;
  return () => {
    if (at === STATE) {
      for (let i = 0; i < STATE; i++) {
        const joined = (state[i]! & 0x80000000) | (state[(i + 1) % STATE]! & 0x7fffffff);
        const turned = (joined >>> 1) ^ ((joined & 1) === 0 ? 0 : 0x9908b0df);
        state[i] = state[(i + MIDDLE) % STATE]! ^ turned;
      }
      at = 0;
    }
    let value = state[at]!;
    at += 1;
    value ^= value >>> 11;
    value ^= (value << 7) & 0x9d2c5680;
    value ^= (value << 15) & 0xefc60000;
    value ^= value >>> 18;
    return value >>> 0;
  };
}

/**
 * @param seed its last 32 bits count; numpy takes no more.
 * @param n below 2^31.
 * @returns 0 to n - 1 in numpy's order.
 */
export function numpyPermutation(seed: number, n: number): Int32Array {
  const next = mersenneTwister(Number(BigInt.asUintN(32, BigInt(seed))));
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    // Numbers of as many bits as `i` has, until one is not above it.
    const mask = 2 ** (32 - Math.clz32(i)) - 1;
    let j = (next() & mask) >>> 0;
    while (j > i) j = (next() & mask) >>> 0;
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
  return order;
}
