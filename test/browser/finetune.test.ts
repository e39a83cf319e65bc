/**
 * The training loop on the devices of a page, with the page's storage: a stopped training ends with the weights of an
 * undisturbed one, bit for bit on WASM (on WebGPU: finetune-page.test.ts), and on WebGPU steps lower the loss as on WASM.
 */
import { describe, expect, test } from 'vitest';
import { WITHOUT_ZEROS } from '../helpers/browser';
import { harnessOfThisFile } from '../helpers/harness-scene';
import type { TinyTrained, TinyTraining } from './harness/functions/training';

const harness = harnessOfThisFile({ extraArguments: WITHOUT_ZEROS });

const train = (asked: TinyTraining): Promise<TinyTrained> =>
  harness.call<TinyTrained>('trainTiny', asked);

function largest(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

describe('a stopped training in the page', () => {
  test.each(['full', 'lora'] as const)('on WASM ends with the same bits (%s)', async (method) => {
    const asked = { device: 'wasm', method, steps: 14 } as const;
    const undisturbed = await train({ ...asked, stops: [] });
    const again = await train({ ...asked, stops: [4, 10] });
    // Told after evaluations (an epoch is 4 steps): that is where the signal can be given here.
    expect(again.savedAt).toEqual([4, 12]);
    expect(again.resumedAt).toBe(again.savedAt[1]);
    expect(again.hash).toBe(undisturbed.hash);
    expect(again.evaluations).toEqual(undisturbed.evaluations);
    expect(Math.min(...undisturbed.losses)).toBeLessThan(undisturbed.losses[0]!);
  });
});

describe('on WebGPU', () => {
  test.each(['full', 'lora'] as const)(
    'the loss is that of WASM after each step (%s)',
    async (method) => {
      const asked = { method, steps: 3, stops: [], evaluateEachStep: true } as const;
      const gpu = await train({ ...asked, device: 'webgpu' });
      const cpu = await train({ ...asked, device: 'wasm' });
      expect(cpu.evaluations).toHaveLength(asked.steps);
      // Dropout and all.
      expect(largest(gpu.evaluations, cpu.evaluations)).toBeLessThan(1e-4);
      // It trained: another rate, other losses.
      const slow = await train({ ...asked, device: 'wasm', learningRate: 1e-5 });
      expect(largest(slow.evaluations, cpu.evaluations)).toBeGreaterThan(1e-3);
      expect(harness.complaints.filter((text) => /fallback|assigned to CPU/i.test(text))).toEqual(
        [],
      );
    },
  );
});
