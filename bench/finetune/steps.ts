/**
 * Milliseconds a training step of Headlight: the wall time of a whole fine-tune of many steps less that of a
 * short one, so that loading and compiling do not count. In Node and in the page.
 */
import { finish } from '../../src/base';
import { finetune, TRAINER_DEFAULTS, type Example } from '../../src/learning/finetune';
import { defaultLoraTargets, openTrainableModel, type TrainMethod } from '../../src/models';
import type { Device, OnnxRuntime } from '../../src/platform';
import { memoryStorage } from '../../test/helpers/memory-storage';
import { encoderOfShape, VOCABULARY, type ShapeName } from './shapes';

export interface StepConfig {
  readonly shape: ShapeName;
  readonly method: 'full' | 'lora' | 'lora-int8';
  readonly batch: number;
  readonly tokens: number;
  readonly device: Device;
  readonly threads?: number;
}

export interface StepTime {
  readonly milliseconds: number;
  readonly tokensPerSecond: number;
}

const SHORT = 1;
const LONG = 5;
const CLASSES = 6;

export async function timeSteps(runtime: OnnxRuntime, config: StepConfig): Promise<StepTime> {
  const { shape, batch, tokens, device } = config;
  const files = encoderOfShape(shape);
  const method: TrainMethod =
    config.method === 'full'
      ? { name: 'full' }
      : {
          name: 'lora',
          rank: 8,
          alpha: 16,
          dropout: 0,
          targets: defaultLoraTargets(shape === 'MiniLM' ? 'bert' : 'distilbert'),
          base: config.method === 'lora' ? 'fp32' : 'int8',
        };
  const train = examples(batch * LONG, tokens);
  const run = async (steps: number): Promise<number> => {
    const model = openTrainableModel(files, {
      task: 'text',
      head: 'stock',
      classes: CLASSES,
      method,
      dropout: 0.1,
      seed: 1,
    });
    const started = performance.now();
    await finish(
      finetune({
        model,
        data: { train, validation: [], padId: 0, classes: [] },
        settings: { ...TRAINER_DEFAULTS, per_device_train_batch_size: batch, max_steps: steps },
        loss: { name: 'cross_entropy', classWeights: null },
        device,
        ...(config.threads === undefined ? {} : { threads: config.threads }),
        runtime,
        storage: memoryStorage(),
        scope: `bench/${steps}`,
        identity: `bench ${steps}`,
        then: 'train',
      }),
    );
    return performance.now() - started;
  };
  const short = await run(SHORT);
  const long = await run(LONG);
  const milliseconds = (long - short) / (LONG - SHORT);
  return { milliseconds, tokensPerSecond: (batch * tokens * 1000) / milliseconds };
}

/** All of one length, so that every step has the same shape. */
function examples(count: number, tokens: number): Example[] {
  return Array.from({ length: count }, (_, row) => ({
    ids: Array.from(
      { length: tokens },
      (__, i) => 1000 + ((row * 7919 + i * 104_729) % (VOCABULARY - 1000)),
    ),
    types: null,
    target: row % CLASSES,
  }));
}
