/** One number that turns distances to classes into probabilities: softmax(-scale · distance). */

/** Scales tried, as powers of e around one over the mean distance. */
const LOWEST = -6;
const HIGHEST = 9;
const STEPS = 40;

/**
 * The scale of the least log-loss, by golden-section search (the loss has one minimum along it).
 * @param distances of each row to each class.
 * @param truth the class of each row.
 * @returns 1 when there is nothing to go by.
 */
export function bestScale(distances: readonly Float64Array[], truth: readonly number[]): number {
  let sum = 0;
  let count = 0;
  for (const row of distances) {
    for (const distance of row) sum += distance;
    count += row.length;
  }
  if (!(sum > 0)) return 1;
  const unit = count / sum;
  const lossAt = (power: number): number => {
    const scale = unit * Math.exp(power);
    let loss = 0;
    for (const [i, row] of distances.entries()) {
      let least = Infinity;
      for (const distance of row) least = Math.min(least, distance);
      let total = 0;
      for (const distance of row) total += Math.exp(-scale * (distance - least));
      loss += Math.log(total) + scale * (row[truth[i]!]! - least);
    }
    return loss;
  };
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [LOWEST, HIGHEST];
  let [left, right] = [high - ratio * (high - low), low + ratio * (high - low)];
  let [atLeft, atRight] = [lossAt(left), lossAt(right)];
  for (let step = 0; step < STEPS; step++) {
    if (atLeft <= atRight) {
      high = right;
      [right, atRight] = [left, atLeft];
      left = high - ratio * (high - low);
      atLeft = lossAt(left);
    } else {
      low = left;
      [left, atLeft] = [right, atRight];
      right = low + ratio * (high - low);
      atRight = lossAt(right);
    }
  }
  return unit * Math.exp((low + high) / 2);
}
