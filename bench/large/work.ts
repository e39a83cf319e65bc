/** What is timed of a large model, in Node and in the page: its first text, and steps of LoRA. */
import { finish } from '../../src/base';
import {
  estimateFinetune,
  finetune,
  TRAINER_DEFAULTS,
  type FinetuneEstimate,
} from '../../src/learning/finetune';
import { defaultLoraTargets, openTrainableModel, type Encoder } from '../../src/models';
import { openEmbedder, type Embedder } from '../../src/models/embed';
import type { Device, OnnxRuntime } from '../../src/platform';
import { memoryStorage } from '../../test/helpers/memory-storage';

/** Where and with how many threads. */
export interface LargePlace {
  readonly runtime: OnnxRuntime;
  readonly device: Device;
  readonly threads: number;
}

/** Tokens that are read of a text. */
const LONGEST = 128;

export function openLargeEmbedder(
  { runtime, device, threads }: LargePlace,
  encoder: Encoder,
): Promise<Embedder> {
  const embed = { ...encoder.info.defaults, maxTokens: LONGEST };
  return openEmbedder({ encoder, embed, device, runtime, threads });
}

const seconds = (since: number): number => (performance.now() - since) / 1000;

export interface LargeTraining {
  /** Mean of the steps after the first, which makes the session. */
  readonly secondsPerStep: number;
  readonly estimate: Pick<FinetuneEstimate, 'memoryBytes' | 'memoryLimitBytes' | 'advice'>;
}

/** LoRA as its defaults are, on texts of one length. */
export async function trainLargeLora(
  { runtime, device, threads }: LargePlace,
  { files, weights, info, tokenizer }: Encoder,
  texts: readonly string[],
  [batch, tokens, steps]: readonly [batch: number, tokens: number, steps: number],
): Promise<LargeTraining> {
  const config = files.find(({ name }) => name === 'config.json')?.bytes;
  if (config === undefined || info.architecture === 'static' || info.architecture === 'exported')
    throw new Error('this cannot be trained');
  const targets = defaultLoraTargets(info.architecture);
  const open = () =>
    openTrainableModel(
      { config, weights },
      {
        task: 'text',
        head: 'stock',
        classes: 2,
        method: { name: 'lora', rank: 8, alpha: 16, dropout: 0, targets, base: 'fp32' },
        dropout: 0,
        seed: 1,
      },
    );
  const train = texts.map((text, row) => ({
    ids: tokenizer.encode(text, tokens),
    types: null,
    target: row % 2,
  }));
  const request = (most: number) => ({
    model: open(),
    data: { train, validation: [], padId: tokenizer.padId, classes: ['0', '1'] },
    settings: {
      ...TRAINER_DEFAULTS,
      learning_rate: 1e-3,
      lr_scheduler_type: 'constant' as const,
      per_device_train_batch_size: batch,
      eval_strategy: 'no' as const,
      save_strategy: 'no' as const,
      load_best_model_at_end: false,
      max_steps: most,
    },
    loss: { name: 'cross_entropy', classWeights: null } as const,
    device,
    threads,
    runtime,
  });
  const estimate = await finish(estimateFinetune(request(steps)));
  const run = async (most: number): Promise<number> => {
    const started = performance.now();
    await finish(
      finetune({
        ...request(most),
        storage: memoryStorage(),
        scope: 'large',
        identity: String(most),
        then: 'train',
      }),
    );
    return seconds(started);
  };
  const short = await run(1);
  const long = await run(steps);
  const { memoryBytes, memoryLimitBytes, advice } = estimate;
  return {
    secondsPerStep: (long - short) / (steps - 1),
    estimate: { memoryBytes, memoryLimitBytes, advice },
  };
}
