/**
 * AdamW on the processor, in typed arrays: one pass over each parameter that scales, clips, decays and moves.
 * Arithmetic is in double precision, what is kept is float32.
 *
 * Source: `torch.optim.AdamW` (Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101)
 */
import { HeadlightError } from '../../base';
import type { TrainerSettings } from './types';

export type AdamSettings = Pick<
  TrainerSettings,
  'adam_beta1' | 'adam_beta2' | 'adam_epsilon' | 'weight_decay' | 'max_grad_norm'
>;

/** A parameter with its moments; all of one length. */
export interface AdamSlot {
  readonly name: string;
  readonly values: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  /** Whether weight decay shrinks it. */
  readonly decay: boolean;
}

export function adamSlot(name: string, values: Float32Array, decay: boolean): AdamSlot {
  return {
    name,
    values,
    firstMoment: new Float32Array(values.length),
    secondMoment: new Float32Array(values.length),
    decay,
  };
}

/** The norm of all gradients together. */
export function gradientNorm(gradients: Iterable<Float32Array>): number {
  let sum = 0;
  for (const gradient of gradients) sum += squares(gradient);
  return Math.sqrt(sum);
}

/** Four sums at once: one chain of additions would wait for each addition's latency. */
function squares(values: Float32Array): number {
  const end = values.length - (values.length % 4);
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let i = 0; i < end; i += 4) {
    a += values[i]! * values[i]!;
    b += values[i + 1]! * values[i + 1]!;
    c += values[i + 2]! * values[i + 2]!;
    d += values[i + 3]! * values[i + 3]!;
  }
  for (let i = end; i < values.length; i++) a += values[i]! * values[i]!;
  return a + b + (c + d);
}

/** By what gradients of this norm are multiplied. @see torch.nn.utils.clip_grad_norm_ */
export function clipFactor(norm: number, maxNorm: number): number {
  return maxNorm > 0 ? Math.min(1, maxNorm / (norm + 1e-6)) : 1;
}

/** What a decayed value is multiplied by in one step. */
export function decayFactor(learningRate: number, settings: AdamSettings): number {
  return 1 - learningRate * settings.weight_decay;
}

/**
 * Moves one parameter.
 * @param step counted from 1: of the bias correction.
 * @param scale of the gradient, by `clipFactor`.
 * @throws HeadlightError `internal` when the gradient is of another length.
 */
export function adamStep(
  slot: AdamSlot,
  gradient: Float32Array,
  step: number,
  learningRate: number,
  scale: number,
  settings: AdamSettings,
): void {
  const { values, firstMoment: m, secondMoment: v } = slot;
  if (gradient.length !== values.length)
    throw new HeadlightError(
      'internal',
      `The gradient of ${slot.name} has ${gradient.length} values, not ${values.length}.`,
    );
  const beta1 = settings.adam_beta1;
  const beta2 = settings.adam_beta2;
  const epsilon = settings.adam_epsilon;
  const own1 = (1 - beta1) * scale;
  const own2 = (1 - beta2) * scale * scale;
  const size = learningRate / (1 - beta1 ** step);
  const root = 1 / Math.sqrt(1 - beta2 ** step);
  const keep = slot.decay ? decayFactor(learningRate, settings) : 1;
  for (let i = 0; i < values.length; i++) {
    const g = gradient[i]!;
    const first = beta1 * m[i]! + own1 * g;
    const second = beta2 * v[i]! + own2 * g * g;
    m[i] = first;
    v[i] = second;
    values[i] = keep * values[i]! - (size * first) / (Math.sqrt(second) * root + epsilon);
  }
}
