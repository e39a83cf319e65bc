/**
 * Prior correction: probabilities whose mean is what the classes are known to be. Each class has one weight, and a row
 * becomes w p / sum(w p), as Bayes' rule changes posteriors when only the priors change (Saerens, Latinne and
 * Decaestecker 2002, equation 2.4). There the new priors are estimated by EM; here they are given, and the weights are
 * those at which the mean is the given one. For one label a row that is iterative proportional fitting (Deming and
 * Stephan 1940), whose solution is unique where there is one; of several labels each label is a correction of its odds,
 * found by bisection.
 */

/** Of a round's change of any weight, as a share of it; more would not change a label. */
const TOLERANCE = 1e-7;
const MOST_ROUNDS = 1000;
/** Weights stay within e to this power: rows that are sure cannot be moved by any. */
const LARGEST_LOG = 40;

/**
 * @param votes [rows, classes]; every row finite.
 * @param prior [classes]; scaled to sum to 1.
 * @returns the weight of each class, [classes]; the geometric mean of those that are not 0 is 1.
 */
export function priorWeights(votes: Float64Array, prior: readonly number[]): Float64Array {
  const classes = prior.length;
  const rows = votes.length / classes;
  const total = prior.reduce((sum, share) => sum + share, 0);
  let weights: Float64Array = Float64Array.from(prior, (share) => (share > 0 ? 1 : 0));
  if (rows === 0 || total === 0) return weights;
  const mean = new Float64Array(classes);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    mean.fill(0);
    for (let at = 0; at < votes.length; at += classes) {
      const factor = weighing(votes, at, weights) / rows;
      // A row that cannot be weighed stays as it is.
      for (let k = 0; k < classes; k++)
        mean[k]! += votes[at + k]! * (factor === 0 ? 1 / rows : weights[k]! * factor);
    }
    // A class that no row can have stays: there is nothing to multiply.
    const next = level(
      weights.map((weight, k) => (mean[k]! > 0 ? (weight * prior[k]!) / total / mean[k]! : weight)),
    );
    const moved = next.reduce(
      (most, weight, k) =>
        weight > 0 ? Math.max(most, Math.abs(Math.log(weight / weights[k]!))) : most,
      0,
    );
    weights = next;
    if (moved < TOLERANCE) break;
  }
  return weights;
}

/** Only their ratios count; without this, rows that are sure would drive them out of range. */
function level(weights: Float64Array): Float64Array {
  const logs = weights.map((weight) => Math.log(weight));
  const finite = logs.filter(Number.isFinite);
  const mean = finite.reduce((sum, log) => sum + log, 0) / Math.max(1, finite.length);
  return logs.map((log) =>
    log === -Infinity ? 0 : Math.exp(Math.min(LARGEST_LOG, Math.max(-LARGEST_LOG, log - mean))),
  );
}

/**
 * What a row's weighed probabilities are multiplied with to sum to 1. 0 for a row that gives all to classes of weight 0:
 * it stays as it is, since nothing is known of it but what the teachers say.
 */
export function weighing(
  values: Float64Array | Float32Array,
  at: number,
  weights: Float64Array,
): number {
  let sum = 0;
  for (let k = 0; k < weights.length; k++) sum += values[at + k]! * weights[k]!;
  return sum > 0 ? 1 / sum : 0;
}

/**
 * Of several labels: the factor of each label's odds at which its mean is the given share.
 * @param votes [rows, classes], each probability for itself.
 * @returns [classes].
 */
export function oddsFactors(votes: Float64Array, prior: readonly number[]): Float64Array {
  const classes = prior.length;
  const rows = votes.length / classes;
  return Float64Array.from(prior, (share, k) => {
    if (share <= 0) return 0;
    let low = -LARGEST_LOG;
    let high = LARGEST_LOG;
    // 60 halvings of 80: beyond the precision of the exponential.
    for (let step = 0; step < 60 && rows > 0; step++) {
      const middle = (low + high) / 2;
      const factor = Math.exp(middle);
      let sum = 0;
      for (let at = k; at < votes.length; at += classes) sum += withOdds(votes[at]!, factor);
      if (sum / rows < share) low = middle;
      else high = middle;
    }
    return rows === 0 ? 1 : Math.exp((low + high) / 2);
  });
}

/** A probability whose odds are multiplied. */
export function withOdds(probability: number, factor: number): number {
  const yes = probability * factor;
  const all = yes + 1 - probability;
  return all > 0 ? yes / all : probability;
}
