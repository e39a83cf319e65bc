/**
 * Gradients on the devices of a page: in float32 on WASM and on (software) WebGPU they are those of the
 * CPU, and on WebGPU no node is left to the CPU.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  accumulateGraph,
  adamwGraph,
  adamwScalars,
  differentiate,
  gradientNormGraph,
  optimiserNames,
} from '../../src/graph/autodiff';
import { writeModel, type Model } from '../../src/graph/onnx';
import { trainingGraph, type TrainingGraph } from '../../src/learning/finetune/graphs';
import type { LossSpec } from '../../src/learning/finetune';
import {
  defaultLoraTargets,
  openTrainableModel,
  type TrainableOptions,
  safetensorsWeights,
} from '../../src/models/encoders';
import { createNodeRuntime } from '../../src/platform/node/runtime';
import { buildCase, randomNumbers, tensorsOf, type GradientCase } from '../helpers/gradient-cases';
import { FUSED, GRADIENT_CASES, LOG_SOFTMAX } from '../helpers/gradient-table';
import {
  goldenFeeds,
  goldenGradients,
  tensorOf,
  type PlainFeed,
} from '../helpers/golden-gradients';
import { trainingEncoder } from '../helpers/training-encoder';
import { WITHOUT_ZEROS } from '../helpers/browser';
import { harnessOfThisFile } from '../helpers/harness-scene';
import type { CaseResult } from './harness/functions/graph';

const harness = harnessOfThisFile({ extraArguments: WITHOUT_ZEROS });
const runtime = createNodeRuntime();

/** Loss and gradients on Node's CPU. */
async function onCpu(one: GradientCase): Promise<Record<string, number[]>> {
  const built = buildCase(one, 'float32');
  const { model } = differentiate(built.model, { loss: 'loss', wrt: built.wrt });
  const session = await runtime.createSession(writeModel(model), { device: 'cpu', threads: 1 });
  const feeds = tensorsOf(built, 'float32');
  const outputs = await session.run(
    Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]!])),
  );
  await session.release();
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data }]) => [name, Array.from(data, Number)]),
  );
}

function largestDifference(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return a.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - b[i]!) / Math.max(1, Math.abs(b[i]!))),
    0,
  );
}

describe.each(['wasm', 'webgpu'] as const)(
  'every gradient on %s is that of the CPU, to 1e-4',
  (device) => {
    // FusedMatMul and LogSoftmax have no kernels on WebGPU; graphs for it are built without them.
    const cases = device === 'wasm' ? [...GRADIENT_CASES, ...FUSED, LOG_SOFTMAX] : GRADIENT_CASES;
    test.each(cases.map((one) => [one.name, one] as const))('%s', async (name, one) => {
      // WGSL's sine and cosine need be exact to 2^-11 only.
      const tolerance = device === 'webgpu' && /^(Sin|Cos)$/.test(name) ? 2 ** -11 : 1e-4;
      const expected = await onCpu(one);
      const result = await harness.call<CaseResult>('gradientCase', name, device);
      expect(Object.keys(result.outputs).sort()).toEqual(Object.keys(expected).sort());
      for (const [output, values] of Object.entries(expected))
        expect(largestDifference(result.outputs[output] ?? [], values), output).toBeLessThan(
          tolerance,
        );
      if (device === 'webgpu') expect(result.elsewhere).toEqual([]);
    });
  },
);

test.each([
  'Gather of a table, words that come again',
  'Gather of a large table, words that come again',
])('%s: on WebGPU twice the same bits', async (name) => {
  const first = await harness.call<CaseResult>('gradientCase', name, 'webgpu');
  expect(await harness.call<CaseResult>('gradientCase', name, 'webgpu')).toEqual(first);
});

describe('training encoders on WebGPU', () => {
  const folder = new URL('../reference/finetune/', import.meta.url);
  const lora = (
    architecture: 'bert' | 'distilbert',
    base: 'fp32' | 'int8',
  ): Partial<TrainableOptions> => {
    const targets = defaultLoraTargets(architecture);
    return { method: { name: 'lora', rank: 2, alpha: 4, dropout: 0.1, targets, base } };
  };
  const classes: LossSpec = { name: 'cross_entropy', classWeights: null };
  const vectors = { task: 'embedding', head: 'mean', classes: 0 } as const;

  test.each<{
    name: string;
    architecture: 'bert' | 'distilbert';
    changes: Partial<TrainableOptions>;
    loss: LossSpec;
    again?: true;
  }>([
    { name: 'everything', architecture: 'bert', changes: {}, loss: classes },
    {
      name: 'adapters, several labels',
      architecture: 'bert',
      changes: lora('bert', 'fp32'),
      loss: { name: 'binary_cross_entropy' },
    },
    { name: 'words', architecture: 'bert', changes: { task: 'token' }, loss: classes },
    {
      name: 'everything, checkpointed',
      architecture: 'distilbert',
      changes: {},
      loss: classes,
      again: true,
    },
    {
      name: 'adapters on 8-bit weights',
      architecture: 'distilbert',
      changes: lora('distilbert', 'int8'),
      loss: classes,
    },
    {
      name: 'pairs of vectors',
      architecture: 'distilbert',
      changes: vectors,
      loss: { name: 'cosine_similarity' },
    },
  ])('$architecture, $name: as on the CPU, and no node is left to it', async (given) => {
    const { architecture, changes, loss, again } = given;
    const files = {
      config: readFileSync(new URL(`${architecture}.config.json`, folder)),
      weights: safetensorsWeights(readFileSync(new URL(`${architecture}.safetensors`, folder))),
    };
    const model = openTrainableModel(files, {
      task: 'text',
      head: 'stock',
      classes: 3,
      method: { name: 'full' },
      dropout: 0.2,
      seed: 1,
      ...changes,
    });
    const plan = { model, device: 'webgpu', table: 'graph' } as const;
    const training = trainingGraph(plan, 2, 6, loss, again === true);
    const bytes = writeModel(training.model);
    const encoded = Buffer.from(bytes).toString('base64');
    expect(await harness.call('placedOnCpu', encoded)).toEqual([]);

    const feeds = feedsFor(training);
    const outputs = await harness.call<Record<string, number[]>>(
      'runModel',
      encoded,
      'webgpu',
      feeds,
    );
    const session = await runtime.createSession(bytes, { device: 'cpu', threads: 1 });
    const expected = await session.run(
      Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, tensorOf(feed)])),
    );
    await session.release();
    for (const [name, { data }] of Object.entries(expected))
      expect(largestDifference(outputs[name]!, Array.from(data, Number)), name).toBeLessThan(1e-4);
  });
});

/** Weights of the model, and numbers for whatever else a training graph asks for. */
function feedsFor(training: TrainingGraph): Record<string, PlainFeed> {
  const random = randomNumbers(7);
  const drawn = (size: number, make: () => number): number[] => Array.from({ length: size }, make);
  return Object.fromEntries(
    training.model.graph.inputs.map(({ name, type }): [string, PlainFeed] => {
      const dims = (type?.dims ?? []) as number[];
      const size = dims.reduce((all, dim) => all * dim, 1);
      if (type?.elementType === 'int32')
        return [name, { type: 'int32', dims, data: drawn(size, () => Math.floor(2 * random())) }];
      if (type?.elementType === 'uint8')
        return [name, { type: 'uint8', dims, data: drawn(size, () => Math.floor(256 * random())) }];
      const make = name.startsWith('dropout.')
        ? (): number => 1 + Math.floor(4092 * random())
        : name === 'attention_mask'
          ? (): number => 1
          : name.endsWith('.scale')
            ? (): number => 0.004
            : /norm.*weight/i.test(name)
              ? (): number => 1
              : (): number => Math.fround(0.8 * (random() - 0.5));
      return [name, { type: 'float32', dims, data: drawn(size, make) }];
    }),
  );
}

test('a node that WebGPU leaves to the CPU is seen, so that the tests above can fail', async () => {
  const fused = FUSED[0]!.name;
  const { elsewhere } = await harness.call<CaseResult>('gradientCase', fused, 'webgpu');
  expect(elsewhere).toEqual(['FusedMatMul (FusedMatMul_0)']);
});

describe('a whole training step on WebGPU', () => {
  const { encoder } = goldenGradients;
  const { model, parameters, boundaries } = trainingEncoder(encoder.sizes);
  const wrt = [...parameters.keys()];
  const base64 = (graph: Model): string => Buffer.from(writeModel(graph)).toString('base64');

  test.each([
    ['', []],
    [', with gradient checkpointing', boundaries],
  ])(
    'loss and gradients are those of PyTorch, and no node is left to the CPU%s',
    async (_, checkpoints) => {
      const { model: graph, gradients } = differentiate(model, {
        loss: 'loss',
        wrt,
        checkpoints,
        device: 'webgpu',
      });
      const given = base64(graph);
      const outputs = await harness.call<Record<string, number[]>>(
        'runModel',
        given,
        'webgpu',
        goldenFeeds(),
      );
      expect(Math.abs(outputs['loss']![0]! - encoder.loss)).toBeLessThan(1e-4);
      for (const name of wrt)
        expect(
          largestDifference(outputs[gradients.get(name)!]!, encoder.parameters[name]!.gradient),
          name,
        ).toBeLessThan(1e-4);
      expect(await harness.call('placedOnCpu', given)).toEqual([]);
    },
  );

  test('the optimiser stays there too: AdamW, the norm of the gradients, their sum', async () => {
    const optimised = [...parameters].map(([name, dims]) => ({
      name,
      dims,
      decay: dims.length > 1,
    }));
    const settings = { beta1: 0.9, beta2: 0.999, weightDecay: 0.01 };
    for (const graph of [
      adamwGraph(optimised, settings),
      gradientNormGraph(optimised),
      accumulateGraph(optimised),
    ])
      expect(await harness.call('placedOnCpu', base64(graph)), graph.graph.name).toEqual([]);
  });

  test('makes the steps of torch.optim.AdamW', async () => {
    const { settings, dims, decay, start, steps } = goldenGradients.adamw;
    const names = Object.keys(dims);
    const graph = base64(
      adamwGraph(
        names.map((name) => ({ name, dims: dims[name]!, decay: decay[name]! })),
        settings,
      ),
    );
    const feeds: Record<string, PlainFeed> = {};
    const feed = (key: string, shape: readonly number[], data: readonly number[]): void => {
      feeds[key] = { type: 'float32', dims: shape, data };
    };
    for (const name of names) {
      feed(optimiserNames.parameter(name), dims[name]!, start[name]!);
      const zeros = start[name]!.map(() => 0);
      feed(optimiserNames.firstMoment(name), dims[name]!, zeros);
      feed(optimiserNames.secondMoment(name), dims[name]!, zeros);
    }
    for (const [i, step] of steps.entries()) {
      const scalars = adamwScalars(settings, {
        step: i + 1,
        learningRate: step.rate,
        gradientScale: Math.min(1, settings.maxNorm / (step.norm + 1e-6)),
      });
      for (const [key, value] of Object.entries(scalars)) feed(key, [], [value]);
      for (const name of names)
        feed(optimiserNames.gradient(name), dims[name]!, step.gradients[name]!);
      const outputs = await harness.call<Record<string, number[]>>(
        'runModel',
        graph,
        'webgpu',
        feeds,
      );
      for (const name of names) {
        const moved = outputs[optimiserNames.newParameter(name)]!;
        expect(largestDifference(moved, step.parameters[name]!)).toBeLessThan(1e-5);
        feed(optimiserNames.parameter(name), dims[name]!, moved);
        feed(
          optimiserNames.firstMoment(name),
          dims[name]!,
          outputs[optimiserNames.newFirstMoment(name)]!,
        );
        feed(
          optimiserNames.secondMoment(name),
          dims[name]!,
          outputs[optimiserNames.newSecondMoment(name)]!,
        );
      }
    }
  });
});
