/** Small fine-tunes in the page, with its real storage: undisturbed, or stopped and gone on with. */
import { finish, hex, type Progress } from '../../../../src/base';
import {
  discardFinetune,
  finetune,
  readUnfinished,
  TRAINER_DEFAULTS,
  type Example,
  type FinetuneRequest,
} from '../../../../src/learning/finetune';
import { openTrainableModel, safetensorsWeights } from '../../../../src/models';
import type { Device, Platform } from '../../../../src/platform';
import { createWebPlatform } from '../../../../src/platform/web';
import { tinyModelFiles } from '../../../helpers/tiny-model';

let made: Promise<Platform> | null = null;
const platform = (): Promise<Platform> => (made ??= createWebPlatform());

export interface TinyTraining {
  readonly device: Device;
  readonly method: 'full' | 'lora';
  readonly steps: number;
  /** Steps after which it is stopped and gone on with, each counted from the start. */
  readonly stops: readonly number[];
  /** Of the optimiser; default 2e-3. */
  readonly learningRate?: number;
  /** Default: after each epoch. */
  readonly evaluateEachStep?: boolean;
}

export interface TinyTrained {
  /** SHA-256 of all trained values. */
  readonly hash: string;
  /** Every trained value, parameter after parameter in the order of their names. */
  readonly values: readonly number[];
  /** Of training: means since the one before, as often as the page is told. */
  readonly losses: readonly number[];
  readonly evaluations: readonly number[];
  readonly resumedAt: number | null;
  /** Where each stopped part was gone on with. */
  readonly savedAt: readonly number[];
}

export async function trainTiny(asked: TinyTraining): Promise<TinyTrained> {
  const { storage } = await platform();
  const scope = `tiny-${asked.device}-${asked.method}/finetune`;
  await discardFinetune(storage, scope);
  const savedAt: number[] = [];
  for (const stop of asked.stops) {
    const controller = new AbortController();
    const watch = ({ done }: Progress): void => {
      if (done >= stop) controller.abort();
    };
    try {
      await finish(finetune(await request(asked, scope), controller.signal), watch);
    } catch (error) {
      if ((error as { code?: string }).code !== 'aborted') throw error;
    }
    savedAt.push((await readUnfinished(storage, scope))?.step ?? -1);
  }
  const result = await finish(finetune(await request(asked, scope)));
  await discardFinetune(storage, scope);
  const values = [...result.trained]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, data]) => Array.from(data));
  const bytes = new Uint8Array(Float32Array.from(values).buffer);
  return {
    hash: hex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))),
    values,
    losses: result.history.flatMap(({ loss }) => loss ?? []),
    evaluations: result.history.flatMap(({ evaluation }) => evaluation?.loss ?? []),
    resumedAt: result.resumedAtStep,
    savedAt,
  };
}

/** A new one each time, as after a reload. */
async function request(asked: TinyTraining, scope: string): Promise<FinetuneRequest> {
  const { runtime, storage } = await platform();
  const files = tinyModelFiles({ seed: 3 });
  const file = (name: string): Uint8Array =>
    files.find((one) => one.name === name)?.bytes ?? new Uint8Array();
  const model = openTrainableModel(
    { config: file('config.json'), weights: safetensorsWeights(file('model.safetensors')) },
    {
      task: 'text',
      head: 'stock',
      classes: 3,
      method:
        asked.method === 'full'
          ? { name: 'full' }
          : {
              name: 'lora',
              rank: 4,
              alpha: 8,
              dropout: 0.1,
              targets: ['query', 'value'],
              base: 'fp32',
            },
      dropout: null,
      seed: 2,
    },
  );
  const examples = (count: number, shift: number): Example[] =>
    Array.from({ length: count }, (_, row) => {
      const target = (row * 7 + shift) % 3;
      const ids = [2, 5 + target * 4 + (row % 4)];
      for (let i = 0; i < (row * 5 + shift) % 11; i++) ids.push(18 + ((row * 13 + i * 7) % 24));
      return { ids: [...ids, 3], types: null, target };
    });
  return {
    model,
    data: { train: examples(26, 0), validation: examples(10, 1), padId: 0, classes: [] },
    settings: {
      ...TRAINER_DEFAULTS,
      learning_rate: asked.learningRate ?? 2e-3,
      weight_decay: 0.01,
      warmup_steps: 2,
      per_device_train_batch_size: 4,
      gradient_accumulation_steps: 2,
      max_steps: asked.steps,
      ...(asked.evaluateEachStep === true
        ? { eval_strategy: 'steps', eval_steps: 1 }
        : { eval_strategy: 'epoch' }),
      save_strategy: 'epoch',
    },
    loss: { name: 'cross_entropy', classWeights: null },
    device: asked.device,
    runtime,
    storage,
    scope,
    identity: 'tiny',
    then: 'train',
  };
}
