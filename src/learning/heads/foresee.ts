/**
 * Where a row that comes in moves a fit, foreseen from that row alone: with the Hessian H of the mean objective
 * known approximately, weights move by -H⁻¹ x r / n, where r are the row's residuals after the move. That is as leaving a row
 * out is approximated (Rad & Maleki, A scalable estimate of the out-of-sample prediction error, 2020), run backwards.
 */
import type { Activation } from './kernels';
import type { Preconditioner } from './preconditioner';

const MOST_STEPS = 30;
/** A move of logits that is none. */
const NEAR = 1e-9;

export interface NewRow {
  /** Centred, but the last, which is 1; [columns]. */
  readonly features: Float32Array;
  /** 0/1, [outputs]. */
  readonly targets: Uint8Array;
}

/**
 * @param point [columns, outputs], intercepts last; moved in place.
 * @param rows of the fit, with the new one.
 * @returns the row's residuals after the move, [outputs].
 */
export async function foresee(
  point: Float32Array,
  { features, targets }: NewRow,
  rows: number,
  activation: Activation,
  preconditioner: Preconditioner,
): Promise<Float64Array> {
  const outputs = targets.length;
  const turned = await preconditioner.apply(features, 1);
  const logits = new Float64Array(outputs);
  let leverage = 0;
  for (const [j, value] of features.entries()) {
    leverage += (value * turned[j]!) / rows;
    for (let k = 0; k < outputs; k++) logits[k]! += value * point[j * outputs + k]!;
  }
  const residuals = settledResiduals(logits, leverage, targets, activation);
  for (const [j, value] of turned.entries())
    for (let k = 0; k < outputs; k++) point[j * outputs + k]! -= (value * residuals[k]!) / rows;
  return residuals;
}

/**
 * The residuals r = p(z - h r) - y of a row with logits z, leverage h and targets y: once it has pulled at its logits.
 * The logits l = z - h r are the minimum of (l - z)² / 2h + loss(l), found by Newton's method, which is held back where a
 * full step would go too far.
 */
export function settledResiduals(
  logits: Float64Array,
  leverage: number,
  targets: Uint8Array,
  activation: Activation,
): Float64Array {
  let now = logits.slice();
  let value = objective(now, logits, leverage, targets, activation);
  for (let step = 0; step < MOST_STEPS; step++) {
    const move = newtonMove(now, logits, leverage, targets, activation);
    const largest = move.reduce((most, part) => Math.max(most, Math.abs(part)), 0);
    if (!(largest > NEAR)) break;
    for (let share = 1; share * largest > NEAR; share /= 2) {
      const next = now.map((logit, k) => logit - share * move[k]!);
      const lower = objective(next, logits, leverage, targets, activation);
      if (!(lower <= value)) continue;
      now = next;
      value = lower;
      break;
    }
  }
  return now.map((logit, k) => (logits[k]! - logit) / leverage);
}

/** (I / h + diag(d) - p pᵀ)⁻¹ of the gradient, by Sherman and Morrison; of sigmoids without the last part. */
function newtonMove(
  now: Float64Array,
  logits: Float64Array,
  leverage: number,
  targets: Uint8Array,
  activation: Activation,
): Float64Array {
  const p = probabilitiesAt(now, activation);
  const move = new Float64Array(now.length);
  const spread = new Float64Array(now.length);
  let [crossed, own] = [0, 0];
  for (let k = 0; k < now.length; k++) {
    const gradient = (now[k]! - logits[k]!) / leverage + p[k]! - targets[k]!;
    const diagonal = 1 / leverage + (activation === 'softmax' ? p[k]! : p[k]! * (1 - p[k]!));
    move[k] = gradient / diagonal;
    spread[k] = p[k]! / diagonal;
    crossed += p[k]! * move[k]!;
    own += p[k]! * spread[k]!;
  }
  if (activation === 'softmax')
    for (let k = 0; k < move.length; k++) move[k]! += (spread[k]! * crossed) / (1 - own);
  return move;
}

function objective(
  now: Float64Array,
  logits: Float64Array,
  leverage: number,
  targets: Uint8Array,
  activation: Activation,
): number {
  const largest = now.reduce((most, logit) => Math.max(most, logit), -Infinity);
  let [sum, exponentials] = [0, 0];
  for (let k = 0; k < now.length; k++) {
    const logit = now[k]!;
    sum += (logit - logits[k]!) ** 2 / (2 * leverage) - targets[k]! * logit;
    if (activation === 'softmax') exponentials += Math.exp(logit - largest);
    else sum += Math.max(logit, 0) + Math.log1p(Math.exp(-Math.abs(logit)));
  }
  return activation === 'softmax' ? sum + largest + Math.log(exponentials) : sum;
}

function probabilitiesAt(logits: Float64Array, activation: Activation): Float64Array {
  if (activation === 'sigmoid') return logits.map((logit) => 1 / (1 + Math.exp(-logit)));
  const largest = logits.reduce((most, logit) => Math.max(most, logit), -Infinity);
  const shares = logits.map((logit) => Math.exp(logit - largest));
  const sum = shares.reduce((total, share) => total + share, 0);
  return shares.map((share) => share / sum);
}
