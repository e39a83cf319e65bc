/**
 * Every architecture trains in the page: full and LoRA steps on WASM and on WebGPU have the losses of PyTorch and
 * PEFT, and on WebGPU no node of a training graph is left to the processor.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { writeModel } from '../../src/graph/onnx';
import { trainingGraph } from '../../src/learning/finetune/graphs';
import { openTrainableModel, safetensorsWeights, TRANSFORMERS } from '../../src/models/encoders';
import { goldenMethod, type GoldenSteps } from '../helpers/golden-training';
import { WITHOUT_ZEROS } from '../helpers/browser';
import { harnessOfThisFile } from '../helpers/harness-scene';

const harness = harnessOfThisFile({ extraArguments: WITHOUT_ZEROS });
const folder = new URL('../reference/architectures/', import.meta.url);
const read = (name: string): Buffer => readFileSync(new URL(name, folder));
/** BERT and DistilBERT have tests of their own. */
const NAMES = TRANSFORMERS.filter((name) => name !== 'bert' && name !== 'distilbert');
const METHODS = ['full', 'lora'] as const;
/** All ten that PyTorch made; on a software adapter a few, for it compiles for seconds before the first. */
const STEPS = { wasm: 10, webgpu: 2 } as const;
/** On the adapter those with operators of their own; adapters of rank r only beside GPT-2's turned weights. */
const ON_WEBGPU = ['mpnet', 'albert', 'gpt2', 'gpt_neo', 'deberta', 'deberta-v2', 'modernbert'];
const WAYS = (name: string) =>
  [
    ['full', 'wasm'],
    ['lora', 'wasm'],
    ...(ON_WEBGPU.includes(name) ? [['full', 'webgpu'] as const] : []),
    ...(name === 'gpt2' ? [['lora', 'webgpu'] as const] : []),
  ] as const;

describe.each(NAMES)('%s', (name) => {
  const golden = JSON.parse(read(`${name}.json`).toString()) as GoldenSteps;

  test.each(WAYS(name))('%s steps on %s', async (which, device) => {
    const losses = await harness.call<number[]>(
      'trainGolden',
      read(`${name}.config.json`).toString(),
      read(`${name}.safetensors`).toString('base64'),
      golden,
      which,
      device,
      STEPS[device],
    );
    const expected = golden[which].slice(0, STEPS[device]);
    expect(losses).toHaveLength(expected.length);
    const apart = losses.map((loss, step) => Math.abs(loss - (expected[step] ?? NaN)));
    expect(Math.max(...apart)).toBeLessThan(1e-3);
    // The steps did something: the losses are those of other weights.
    expect(Math.abs((losses.at(-1) ?? 0) - (losses[0] ?? 0))).toBeGreaterThan(2e-3);
  });

  test.each(name === 'gpt2' ? METHODS : (['full'] as const))(
    'no node of a %s step on WebGPU is left to the processor',
    async (which) => {
      const model = openTrainableModel(
        {
          config: read(`${name}.config.json`),
          weights: safetensorsWeights(read(`${name}.safetensors`)),
        },
        {
          task: 'text',
          head: 'stock',
          classes: golden.classes,
          method: goldenMethod(golden, which),
          dropout: 0.2,
          seed: 1,
        },
      );
      const plan = { model, device: 'webgpu', table: 'graph' } as const;
      const loss = { name: 'cross_entropy', classWeights: null } as const;
      const graph = writeModel(trainingGraph(plan, 2, 6, loss, false).model);
      expect(await harness.call('placedOnCpu', Buffer.from(graph).toString('base64'))).toEqual([]);
    },
  );
});
