/**
 * Sums and roundings as NumPy does them, so that counts come out as in the reference to the last unit: sums in
 * pairs, halves to even, and a row of shares rounded to integers that keep its total.
 */

/** `numpy.sum` of contiguous values: eight running sums in blocks of 128, blocks in pairs. */
export function pairwiseSum(values: Float64Array, from = 0, to = values.length): number {
  const count = to - from;
  if (count < 8) {
    let sum = 0;
    for (let at = from; at < to; at++) sum += values[at]!;
    return sum;
  }
  if (count <= 128) {
    const sums = values.slice(from, from + 8);
    const whole = from + count - (count % 8);
    for (let at = from + 8; at < whole; at += 8)
      for (let lane = 0; lane < 8; lane++) sums[lane]! += values[at + lane]!;
    const two = (lane: number): number => sums[lane]! + sums[lane + 1]!;
    let sum = two(0) + two(2) + (two(4) + two(6));
    for (let at = whole; at < to; at++) sum += values[at]!;
    return sum;
  }
  const half = Math.floor(count / 2);
  const middle = from + half - (half % 8);
  return pairwiseSum(values, from, middle) + pairwiseSum(values, middle, to);
}

/** Halves to even, as `numpy.round`. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Integers with the (rounded) sum of the values, each as near as can be: what is missing goes to those that lost
 * most. Among equals the last gains first and the first loses first, as a stable sort has them.
 * @see cleanlab's `round_preserving_sum`.
 */
export function roundPreservingSum(values: Float64Array): Float64Array {
  const rounded = values.map(roundHalfEven);
  const wanted = roundHalfEven(pairwiseSum(values));
  for (;;) {
    const missing = wanted - roundHalfEven(pairwiseSum(rounded));
    if (missing === 0 || !Number.isFinite(missing)) return rounded;
    const step = missing < 0 ? -1 : 1;
    const lost = values.map((value, at) => value - rounded[at]!);
    const order = Array.from(values.keys()).sort((a, b) => lost[a]! - lost[b]! || a - b);
    if (step > 0) order.reverse();
    for (const at of order.slice(0, Math.abs(missing))) rounded[at]! += step;
  }
}
