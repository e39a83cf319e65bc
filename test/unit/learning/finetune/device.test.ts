import { beforeAll, describe, expect, test } from 'vitest';
import { finish } from '../../../../src/base';
import {
  finetune,
  readUnfinished,
  TRAINER_DEFAULTS,
  type FinetuneRequest,
  type FinetuneResult,
  type TrainerSettings,
} from '../../../../src/learning/finetune';
import type { OnnxRuntime } from '../../../../src/platform';
import { deviceRuntime } from './device-runtime';
import { nodeRuntime } from './runtime';
import { smallModel, smallRequest, smallTexts } from './small-model';

let cpu: OnnxRuntime;
beforeAll(async () => {
  cpu = await nodeRuntime();
});

const SETTINGS: TrainerSettings = {
  ...TRAINER_DEFAULTS,
  learning_rate: 0.02,
  weight_decay: 0.1,
  per_device_train_batch_size: 4,
  gradient_accumulation_steps: 3,
  warmup_steps: 2,
  eval_strategy: 'epoch',
  save_strategy: 'epoch',
  load_best_model_at_end: true,
};

const request = (runtime: OnnxRuntime, changed: Partial<FinetuneRequest> = {}): FinetuneRequest =>
  smallRequest(runtime, SETTINGS, changed);

function expectClose(a: FinetuneResult, b: FinetuneResult): void {
  expect([...a.trained.keys()].sort()).toEqual([...b.trained.keys()].sort());
  for (const [name, values] of a.trained) {
    const other = b.trained.get(name)!;
    let most = 0;
    values.forEach((value, i) => (most = Math.max(most, Math.abs(value - other[i]!))));
    expect(most, name).toBeLessThan(1e-5);
  }
}

describe('a training that stays on its device', () => {
  test('ends with the weights of the one on the processor, and leaves nothing there', async () => {
    const device = deviceRuntime(cpu);
    const onDevice = await finish(finetune(request(device.runtime, { device: 'webgpu' })));
    const onHost = await finish(finetune(request(cpu)));
    expect(onDevice.step).toBe(onHost.step);
    expectClose(onDevice, onHost);
    expect(device.live()).toBe(0);
  });

  test('only the loss and one norm come back in a step', async () => {
    const bytes = [4, 9].map(async (steps) => {
      const device = deviceRuntime(cpu);
      const settings = {
        ...request(cpu).settings,
        max_steps: steps,
        gradient_accumulation_steps: 1,
        eval_strategy: 'no',
        save_strategy: 'no',
        load_best_model_at_end: false,
      } as const;
      await finish(finetune(request(device.runtime, { device: 'webgpu', settings })));
      return device.bytesRead();
    });
    const [few = 0, many = 0] = await Promise.all(bytes);
    expect(many - few).toBe(5 * 8);
  });

  test('goes on after a stop and ends with the same weights', async () => {
    const device = deviceRuntime(cpu);
    const undisturbed = await finish(finetune(request(device.runtime, { device: 'webgpu' })));
    const one = request(device.runtime, { device: 'webgpu' });
    const stop = new AbortController();
    const stopped = finish(finetune(one, stop.signal), ({ done }) => {
      if (done >= 4) stop.abort();
    });
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
    expect(device.live()).toBe(0);
    expect((await readUnfinished(one.storage, one.scope))!.step).toBe(4);
    const result = await finish(
      finetune(request(device.runtime, { device: 'webgpu', storage: one.storage })),
    );
    expect(result.resumedAtStep).toBe(4);
    expectClose(result, undisturbed);
    expect(device.live()).toBe(0);
  });
});

describe('a batch of more tokens than a processor computes at once', () => {
  /** Masks that training was fed, as [rows, tokens]. */
  const watched = (inner: OnnxRuntime): { runtime: OnnxRuntime; shapes: () => number[][] } => {
    const shapes: number[][] = [];
    const runtime: OnnxRuntime = {
      ...inner,
      async createSession(model, options) {
        const session = await inner.createSession(model, options);
        return {
          inputNames: session.inputNames,
          outputNames: session.outputNames,
          run: (feeds) => {
            shapes.push([...(feeds['attention_mask']?.dims ?? [])]);
            return session.run(feeds);
          },
          runKeeping: (feeds) => session.runKeeping(feeds),
          release: () => session.release(),
        };
      },
    };
    return { runtime, shapes: () => shapes };
  };
  const large = (
    runtime: OnnxRuntime,
    device: 'cpu' | 'webgpu',
    changed: Partial<FinetuneRequest> = {},
  ): FinetuneRequest =>
    request(runtime, {
      device,
      // Other pieces draw other dropout; the sums are the same without.
      model: smallModel({ dropout: 0 }),
      data: { train: smallTexts(400, 1), validation: [], padId: 0, classes: ['a', 'b', 'c'] },
      settings: {
        ...request(runtime).settings,
        per_device_train_batch_size: 150,
        gradient_accumulation_steps: 1,
        num_train_epochs: 2,
        eval_strategy: 'no',
        save_strategy: 'no',
        load_best_model_at_end: false,
      },
      ...changed,
    });
  const inBothWays = async (
    changed: Partial<FinetuneRequest>,
  ): Promise<readonly (readonly number[])[]> => {
    const { runtime, shapes } = watched(cpu);
    const pieces = await finish(finetune(large(runtime, 'cpu', changed)));
    const whole = await finish(finetune(large(deviceRuntime(cpu).runtime, 'webgpu', changed)));
    expect(pieces.step).toBe(whole.step);
    expectClose(pieces, whole);
    for (const [rows = 0, tokens = 0] of shapes()) expect(rows * tokens).toBeLessThanOrEqual(1024);
    // 400 rows an epoch in batches of 150 are three steps, each of several pieces.
    expect(shapes().length).toBeGreaterThan(2 * 3);
    return shapes();
  };

  test('is learned in pieces, with the gradients of the whole', async () => {
    const shapes = await inBothWays({});
    // Short texts are not padded to the longest one.
    expect(new Set(shapes.map(([, tokens]) => tokens)).size).toBeGreaterThan(1);
  });

  test('so are words with a class each', async () => {
    const train = smallTexts(400, 3).map((example) => ({
      ...example,
      target: Int32Array.from(example.ids, (id) => (id > 20 ? -100 : id % 3)),
    }));
    await inBothWays({
      model: smallModel({ dropout: 0, task: 'token' }),
      data: { train, validation: [], padId: 0, classes: ['a', 'b', 'c'] },
    });
  });

  test('so are pairs, of which none is torn', async () => {
    const train = smallTexts(800, 4).map((example, row) => ({
      ...example,
      target: Math.floor(row / 2) % 2,
    }));
    await inBothWays({
      model: smallModel({ dropout: 0, task: 'embedding' }),
      data: { train, validation: [], padId: 0, classes: [] },
      loss: { name: 'cosine_similarity' },
    });
  });
});
