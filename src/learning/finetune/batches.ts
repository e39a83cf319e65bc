/**
 * Which rows make up each batch, and to how many tokens it is padded. Everything follows from seed and step,
 * so a training that goes on from a checkpoint needs no other random state, and no device changes the order.
 */
import { seededRandom } from '../../base';
import type { Plan } from './schedule';
import type { TrainerSettings } from './types';

/** Lengths are rounded up to a multiple of this. */
const LENGTH_STEP = 8;
/** Shapes that a training may have. A session each: they cost memory and, on a GPU, compiling. */
export const MOST_SHAPES = 4;

export interface Batches {
  readonly plan: Plan;
  /**
   * The batches of an optimiser step, as unit indices (rows, or pairs of rows).
   * @param step counted from 0.
   */
  ofStep(step: number): readonly Int32Array[];
  /** Epochs done after so many optimiser steps, with its fraction. */
  epochAfter(step: number): number;
}

export function planBatches(units: number, plan: Plan, settings: TrainerSettings): Batches {
  const { per_device_train_batch_size: size, gradient_accumulation_steps: accumulate } = settings;
  let shuffledEpoch = -1;
  let order = new Int32Array(0);
  const orderOf = (epoch: number): Int32Array => {
    if (epoch !== shuffledEpoch) {
      order = Int32Array.from({ length: units }, (_, i) => i);
      streamOf(settings.seed, 0, epoch).shuffle(order);
      shuffledEpoch = epoch;
    }
    return order;
  };
  return {
    plan,
    ofStep(step) {
      const epoch = Math.floor(step / plan.stepsPerEpoch);
      const first = (step % plan.stepsPerEpoch) * accumulate;
      const last = Math.min(first + accumulate, plan.batchesPerEpoch);
      const shuffled = orderOf(epoch);
      const batches: Int32Array[] = [];
      for (let batch = first; batch < last; batch++)
        batches.push(shuffled.slice(batch * size, Math.min(units, (batch + 1) * size)));
      return batches;
    },
    epochAfter: (step) => step / plan.stepsPerEpoch,
  };
}

/** A stream of randomness of its own for each purpose and place: neither step nor order of use matters. */
export function streamOf(
  seed: number,
  purpose: number,
  place: number,
): ReturnType<typeof seededRandom> {
  // Odd constants spread near numbers over the whole range; 2^53 keeps them exact.
  const mixed =
    (BigInt(seed) * 0x9e3779b97f4a7c15n + BigInt(purpose) * 0xd1b54a32d192ed03n + BigInt(place)) &
    ((1n << 53n) - 1n);
  return seededRandom(Number(mixed));
}

/** The length that pads a text least. */
export function paddedLength(length: number, maxTokens: number): number {
  return Math.min(maxTokens, Math.ceil(length / LENGTH_STEP) * LENGTH_STEP);
}

/**
 * The lengths to which texts are padded: the few that pad least for these, the longest among them.
 * @param longest of each text, the tokens of the longest that it is computed with.
 * @param maxTokens of the model.
 * @returns ascending.
 */
export function bucketLengths(
  longest: readonly number[],
  maxTokens: number,
  most = MOST_SHAPES,
): readonly number[] {
  const counts = new Map<number, number>();
  for (const length of longest) {
    const rounded = paddedLength(length, maxTokens);
    counts.set(rounded, (counts.get(rounded) ?? 0) + 1);
  }
  const lengths = [...counts.keys()].sort((a, b) => a - b);
  const n = lengths.length;
  if (n <= most) return lengths;
  const upTo = [0];
  for (const length of lengths) upTo.push(upTo.at(-1)! + counts.get(length)!);
  // cost[j]: padded tokens of all batches up to length j, the last bucket ending there; one more bucket a
  // round. from[round][j]: where the bucket before ends, or -1 where one more bucket is of no use.
  let cost = lengths.map((length, j) => upTo[j + 1]! * length);
  const from: number[][] = [];
  for (let round = 1; round < most; round++) {
    const next = cost.slice();
    const before = lengths.map(() => -1);
    for (let j = 0; j < n; j++) {
      for (let i = 0; i < j; i++) {
        const tokens = cost[i]! + (upTo[j + 1]! - upTo[i + 1]!) * lengths[j]!;
        if (tokens < next[j]!) {
          next[j] = tokens;
          before[j] = i;
        }
      }
    }
    from.push(before);
    cost = next;
  }
  const chosen: number[] = [lengths[n - 1]!];
  let end = n - 1;
  for (const before of from.reverse()) {
    if (before[end]! < 0) continue;
    end = before[end]!;
    chosen.push(lengths[end]!);
  }
  return chosen.reverse();
}

/** The smallest bucket that takes so many tokens. */
export function bucketFor(length: number, buckets: readonly number[]): number {
  return buckets.find((bucket) => bucket >= length) ?? buckets.at(-1) ?? length;
}
