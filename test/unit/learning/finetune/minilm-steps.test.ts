/**
 * The first 50 steps of all-MiniLM-L6-v2 against PyTorch, transformers and PEFT: the same weights (those that
 * ship, made float32), the same batches (the second epoch begins within them), no dropout.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { finish } from '../../../../src/base';
import { parseTable } from '../../../../src/data';
import { finetune, TRAINER_DEFAULTS, type Example } from '../../../../src/learning/finetune';
import {
  loadTokenizer,
  openTrainableModel,
  safetensorsWeights,
  type TrainableModel,
  type TrainMethod,
} from '../../../../src/models';
import type { OnnxRuntime } from '../../../../src/platform';
import { memoryStorage } from '../../../helpers/memory-storage';
import { nodeRuntime } from './runtime';

const root = new URL('../../../../', import.meta.url);
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(path, root)));
const shipped = (name: string): Uint8Array => read(`public/models/all-MiniLM-L6-v2/${name}`);

interface Steps {
  readonly learning_rate: number;
  readonly losses: readonly number[];
  readonly norms: readonly number[];
}
const golden = JSON.parse(
  readFileSync(new URL('test/reference/finetune/minilm-steps.json', root), 'utf8'),
) as {
  readonly classes: readonly string[];
  readonly rows: number;
  readonly methods: Readonly<Record<'full' | 'lora', Steps>>;
};

const METHODS: Readonly<Record<'full' | 'lora', TrainMethod>> = {
  full: { name: 'full' },
  lora: {
    name: 'lora',
    rank: 8,
    alpha: 16,
    dropout: 0,
    targets: ['query', 'value'],
    base: 'fp32',
  },
};

let runtime: OnnxRuntime;
let train: readonly Example[];
let padId: number;
beforeAll(async () => {
  runtime = await nodeRuntime();
  const tokenizer = loadTokenizer(shipped('tokenizer.json'), shipped('tokenizer_config.json'));
  padId = tokenizer.padId;
  const table = parseTable({
    name: 'support-inbox.csv',
    bytes: read('public/samples/support-inbox.csv'),
  });
  const [messages, topics] = ['message', 'topic'].map((name) => {
    const column = table.columns.find((one) => one.name === name);
    return [...(column?.cells ?? [])];
  });
  train = messages!.map((message, row) => ({
    ids: tokenizer.encode(message, 32),
    types: null,
    target: golden.classes.indexOf(topics![row] ?? ''),
  }));
});

/** As `formula` in minilm_steps.py. */
function fill(values: Float32Array, number: number, size: number): void {
  for (let i = 0; i < values.length; i++)
    values[i] = (((i * 7919 + number * 104_729) % 10_007) / 10_007 - 0.5) * size;
}

function openModel(method: TrainMethod): TrainableModel {
  const model = openTrainableModel(
    {
      config: shipped('config.json'),
      weights: safetensorsWeights(shipped('model_q8.safetensors')),
    },
    {
      task: 'text',
      head: 'stock',
      classes: golden.classes.length,
      method,
      dropout: 0,
      seed: 1,
    },
  );
  const valuesOf = (name: string): Float32Array => {
    const values = model.parameters.get(name)?.values;
    if (values?.precision !== 'fp32') throw new Error(`${name} is not there in float32`);
    return values.data;
  };
  fill(valuesOf('classifier.weight'), 1, 0.05);
  valuesOf('classifier.bias').fill(0);
  let number = 1;
  for (const name of model.parameters.keys()) {
    if (name.includes('lora_A')) fill(valuesOf(name), ++number, 0.1);
    if (name.includes('lora_B')) expect(valuesOf(name).every((value) => value === 0)).toBe(true);
  }
  return model;
}

describe('the first 50 steps are those of PyTorch', () => {
  test.each(['full', 'lora'] as const)('%s', async (method) => {
    expect(train.length).toBe(golden.rows);
    const { learning_rate, losses, norms } = golden.methods[method];
    // Every loss as the graph gives it: curves average over several steps.
    const seen: number[] = [];
    const watching: OnnxRuntime = {
      ...runtime,
      async createSession(graph, options) {
        const session = await runtime.createSession(graph, options);
        return {
          inputNames: session.inputNames,
          outputNames: session.outputNames,
          run: async (feeds) => {
            const outputs = await session.run(feeds);
            seen.push(Number(outputs['loss']?.data[0]));
            return outputs;
          },
          runKeeping: (feeds) => session.runKeeping(feeds),
          release: () => session.release(),
        };
      },
    };
    const { history } = await finish(
      finetune({
        model: openModel(METHODS[method]),
        data: { train, validation: [], padId, classes: [] },
        settings: {
          ...TRAINER_DEFAULTS,
          learning_rate,
          weight_decay: 0.01,
          warmup_steps: 5,
          max_steps: 50,
        },
        loss: { name: 'cross_entropy', classWeights: null },
        device: 'cpu',
        threads: 2,
        runtime: watching,
        storage: memoryStorage(),
        scope: 'minilm',
        identity: method,
        then: 'train',
      }),
    );
    const furthest = Math.max(...losses.map((loss, i) => Math.abs(loss - (seen[i] ?? NaN))));
    console.info(`${method}: the largest difference of 50 losses is ${furthest.toExponential(2)}`);
    expect(seen.length).toBe(50);
    expect(furthest).toBeLessThan(1e-3);
    for (const { step, grad_norm } of history)
      expect(Math.abs(grad_norm! / norms[step - 1]! - 1), `norm of step ${step}`).toBeLessThan(
        0.01,
      );
  });
});
