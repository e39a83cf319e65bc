import { describe, expect, test } from 'vitest';
import {
  adamSlot,
  adamStep,
  clipFactor,
  decayFactor,
  gradientNorm,
} from '../../../../src/learning/finetune/adamw';
import { bucketFor, bucketLengths, planBatches } from '../../../../src/learning/finetune/batches';
import { learningRate, planSteps } from '../../../../src/learning/finetune/schedule';
import { TRAINER_DEFAULTS, type TrainerSettings } from '../../../../src/learning/finetune';
import { WordTable } from '../../../../src/learning/finetune/word-table';
import { furthest, golden } from './golden';

const settingsWith = (changed: Partial<TrainerSettings>): TrainerSettings => ({
  ...TRAINER_DEFAULTS,
  ...changed,
});

describe('the learning rate of every step is that of transformers', () => {
  test.each(golden.schedules)(
    '$lr_scheduler_type, warmup_steps $warmup_steps, $steps steps',
    ({ lr_scheduler_type, warmup_steps, steps, rates }) => {
      const settings = settingsWith({
        learning_rate: 3e-5,
        lr_scheduler_type,
        warmup_steps,
        max_steps: steps,
      });
      const plan = planSteps(100, settings);
      expect(plan.steps).toBe(steps);
      const own = rates.map((_, step) => learningRate(step, plan, settings));
      expect(furthest(own, rates)).toBeLessThan(1e-15);
    },
  );
});

describe('AdamW is torch.optim.AdamW', () => {
  test.each(golden.adamw.cases)(
    'weight_decay $weight_decay, max_grad_norm $max_grad_norm',
    ({ weight_decay, max_grad_norm, start, steps, end }) => {
      const settings = settingsWith({ weight_decay, max_grad_norm });
      const weight = adamSlot('weight', Float32Array.from(start.weight), true);
      const bias = adamSlot('bias', Float32Array.from(start.bias), false);
      steps.forEach(({ rate, norm, ...gradients }, i) => {
        const ofWeight = Float32Array.from(gradients.weight);
        const ofBias = Float32Array.from(gradients.bias);
        const own = gradientNorm([ofWeight, ofBias]);
        if (norm !== undefined) expect(furthest([own], [norm])).toBeLessThan(1e-6);
        const scale = clipFactor(own, max_grad_norm);
        adamStep(weight, ofWeight, i + 1, rate, scale, settings);
        adamStep(bias, ofBias, i + 1, rate, scale, settings);
      });
      expect(furthest(weight.values, end.weight)).toBeLessThan(1e-6);
      expect(furthest(bias.values, end.bias)).toBeLessThan(1e-6);
    },
  );

  test('the word table, of which few rows are kept apart, moves as the dense one', () => {
    const { start, steps, end } = golden.adamw.table;
    const settings = settingsWith({ weight_decay: 0.1, max_grad_norm: 0 });
    const used = steps.flatMap(({ ids }) => ids).filter((id) => id !== 0);
    const table = new WordTable(
      {
        name: 'words',
        dims: [12, 3],
        values: { precision: 'fp32', data: Float32Array.from(start) },
        trainable: true,
        decay: true,
      },
      used,
    );
    const { slot } = table;
    if (slot === null) throw new Error('a trained table has a slot');
    expect(slot.values.length).toBe(new Set(used).size * 3);
    steps.forEach(({ ids, gradient }, i) => {
      const sum = new Float32Array(slot.values.length);
      table.scatter(Float32Array.from(gradient), Int32Array.from(ids), 0, sum);
      adamStep(slot, sum, i + 1, 0.02, 1, settings);
      table.factor *= decayFactor(0.02, settings);
    });
    expect(furthest(table.whole(slot.values, table.factor), end)).toBeLessThan(1e-6);
    const all = Int32Array.from({ length: 12 }, (_, id) => id);
    expect(furthest(table.lookUp(all), end)).toBeLessThan(1e-6);
  });

  test('frozen tables in half precision and in 8 bits are read exactly', () => {
    const half = new WordTable(
      {
        name: 'words',
        dims: [2, 3],
        // 1, -2, 0.5; 65504, the smallest subnormal, 0.333251953125
        values: {
          precision: 'fp16',
          data: Uint16Array.of(0x3c00, 0xc000, 0x3800, 0x7bff, 0x0001, 0x3555),
        },
        trainable: false,
        decay: true,
      },
      [],
    );
    expect([...half.lookUp(Int32Array.of(1, 0))]).toEqual([
      65504,
      2 ** -24,
      0.333251953125,
      1,
      -2,
      0.5,
    ]);
    const int8 = new WordTable(
      {
        name: 'words',
        dims: [2, 2],
        values: {
          precision: 'int8',
          data: Int8Array.of(1, -128, 127, 3),
          scales: Float32Array.of(0.5, 0.25),
        },
        trainable: false,
        decay: true,
      },
      [],
    );
    expect([...int8.lookUp(Int32Array.of(0, 1))]).toEqual([0.5, -64, 31.75, 0.75]);
  });

  test('a token beyond the table is refused with what to do', () => {
    const table = new WordTable(
      {
        name: 'words',
        dims: [2, 1],
        values: { precision: 'fp32', data: Float32Array.of(1, 2) },
        trainable: false,
        decay: true,
      },
      [],
    );
    expect(() => table.lookUp(Int32Array.of(2))).toThrow('the word table has 2 rows');
  });
});

describe('batches', () => {
  const settings = settingsWith({
    per_device_train_batch_size: 4,
    gradient_accumulation_steps: 2,
    num_train_epochs: 2,
    seed: 7,
  });

  test('every epoch has every row once, in another order; the last batch has what is left', () => {
    const plan = planSteps(18, settings);
    // ceil(18 / 4) = 5 batches, ceil(5 / 2) = 3 steps an epoch: as the Trainer counts.
    expect(plan).toEqual({ steps: 6, stepsPerEpoch: 3, batchesPerEpoch: 5, warmupSteps: 0 });
    const batches = planBatches(18, plan, settings);
    const epochs = [0, 1].map((epoch) =>
      [0, 1, 2].flatMap((step) => batches.ofStep(3 * epoch + step).map((batch) => [...batch])),
    );
    for (const epoch of epochs) {
      expect(epoch.map((batch) => batch.length)).toEqual([4, 4, 4, 4, 2]);
      expect(epoch.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 18 }, (_, i) => i));
    }
    expect(epochs[0]).not.toEqual(epochs[1]);
  });

  test('the order follows from the seed, whichever step is asked first', () => {
    const plan = planSteps(18, settings);
    const forwards = planBatches(18, plan, settings);
    const backwards = planBatches(18, plan, settings);
    const last = backwards.ofStep(5);
    expect(backwards.ofStep(1)).toEqual(forwards.ofStep(1));
    expect(forwards.ofStep(5)).toEqual(last);
    const other = planBatches(18, plan, { ...settings, seed: 8 });
    expect(other.ofStep(0)).not.toEqual(forwards.ofStep(0));
  });

  test('steps are counted as the Trainer does: fractions of epochs, max_steps', () => {
    expect(planSteps(18, { ...settings, num_train_epochs: 1.5 }).steps).toBe(5);
    expect(planSteps(18, { ...settings, max_steps: 40 }).steps).toBe(40);
    expect(planSteps(1, settings).steps).toBe(2);
  });

  test('of all choices of few lengths, the one that pads least is taken', () => {
    const longest = [5, 9, 9, 17, 17, 17, 30, 33, 60, 61, 100, 120, 121, 200];
    const buckets = bucketLengths(longest, 512, 3);
    expect(buckets.length).toBe(3);
    const rounded = [...new Set(longest.map((length) => Math.ceil(length / 8) * 8))];
    const cost = (choice: readonly number[]) =>
      longest.reduce((sum, length) => sum + bucketFor(length, choice), 0);
    const top = Math.max(...rounded);
    let least = Infinity;
    for (const a of rounded)
      for (const b of rounded)
        least = Math.min(least, cost([...new Set([a, b, top])].sort((x, y) => x - y)));
    expect(cost(buckets)).toBe(least);
    expect(bucketLengths([3, 4, 11], 512)).toEqual([8, 16]);
    expect(bucketLengths([500, 511], 511)).toEqual([504, 511]);
  });
});
