/** A comparison of precisions with plausible numbers. It computes nothing. */
import type { Job } from '../../src/base';
import type { PrecisionComparison, PrecisionSettings } from '../../src/engine';
import { adviceOf } from '../../src/engine/precision-advice';
import type { EmbedSettings, EncoderReference } from '../../src/models';

export async function* fakeComparison(
  encoder: EncoderReference,
  embed: EmbedSettings,
  { rows, seed }: PrecisionSettings,
): Job<PrecisionComparison> {
  const at = { phase: 'Comparing precisions', unit: 'precisions', rate: null, secondsLeft: null };
  yield { ...at, done: 0, total: 4 };
  const row = { device: 'wasm', meanCosine: null, leastCosine: null, against: null } as const;
  const measured: Omit<PrecisionComparison, 'advised' | 'advice'> = {
    encoder,
    embed,
    device: 'wasm',
    seed,
    reference: 'fp32',
    rows,
    learnedRows: rows / 2,
    testedRows: rows / 2,
    figure: 'accuracy',
    precisions: [
      { ...row, precision: 'fp32', bytes: 90_900_000, value: 0.87, millisecondsPerText: 3.1 },
      {
        ...row,
        precision: 'fp16',
        bytes: 45_600_000,
        meanCosine: 0.9999999,
        leastCosine: 0.9999997,
        value: 0.87,
        against: { difference: 0, interval: [-0.01, 0.01], p_value: 1 },
        millisecondsPerText: 3.2,
      },
      {
        ...row,
        precision: 'q8',
        bytes: 23_500_000,
        meanCosine: 0.99966,
        leastCosine: 0.99939,
        value: 0.865,
        against: { difference: -0.005, interval: [-0.025, 0.015], p_value: 0.69 },
        millisecondsPerText: 3,
      },
      {
        ...row,
        precision: 'q4',
        bytes: 15_300_000,
        meanCosine: 0.9783,
        leastCosine: 0.9703,
        value: 0.83,
        against: { difference: -0.04, interval: [-0.075, -0.005], p_value: 0.02 },
        millisecondsPerText: 2.6,
      },
    ],
    notes: [],
  };
  return { ...measured, ...adviceOf(measured) };
}
