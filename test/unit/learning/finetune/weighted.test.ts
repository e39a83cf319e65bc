/** Made labels: rows with weights and soft targets are learned as PyTorch learns them. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { finish } from '../../../../src/base';
import { differentiate } from '../../../../src/graph/autodiff';
import { GraphBuilder, writeModel } from '../../../../src/graph/onnx';
import { openSession } from '../../../../src/graph/runtime';
import {
  finetune,
  predictLogits,
  TRAINER_DEFAULTS,
  type Example,
  type LossSpec,
} from '../../../../src/learning/finetune';
import { evaluationPoint } from '../../../../src/learning/finetune/evaluation';
import { targetFeeds } from '../../../../src/learning/finetune/feeds';
import { tokenBatch } from '../../../../src/learning/finetune/inputs';
import { appendLoss, lossInputs } from '../../../../src/learning/finetune/losses';
import { batchTargets, lossDivisor, lossFold } from '../../../../src/learning/finetune/targets';
import {
  openTrainableModel,
  safetensorsWeights,
  type TrainableModel,
} from '../../../../src/models';
import type { OnnxRuntime } from '../../../../src/platform';
import { memoryStorage } from '../../../helpers/memory-storage';
import { furthest, type LossCase } from './golden';
import { nodeRuntime } from './runtime';

interface Steps {
  readonly losses: readonly number[];
  readonly norms: readonly number[];
  readonly logits: readonly number[];
}
const folder = new URL('../../../reference/finetune/', import.meta.url);
const bytes = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));
const golden = JSON.parse(readFileSync(new URL('weighted.json', folder), 'utf8')) as {
  readonly losses: readonly (LossCase & { readonly weights: readonly number[] })[];
  readonly steps: {
    readonly ids: readonly (readonly number[])[];
    readonly labels: readonly number[];
    readonly targets: readonly (readonly number[])[];
    readonly weights: readonly number[];
    readonly temperature: number;
    readonly learning_rate: number;
    readonly soft: Steps;
    readonly hard: Steps;
  };
};

let runtime: OnnxRuntime;
beforeAll(async () => {
  runtime = await nodeRuntime();
});

function specOf({ loss }: LossCase): LossSpec {
  if (loss.name === 'cross_entropy') {
    const weights = loss.classWeights ?? null;
    return { name: loss.name, classWeights: weights === null ? null : Float32Array.from(weights) };
  }
  if (loss.name === 'distillation') return { name: loss.name, temperature: loss.temperature ?? 1 };
  if (loss.name === 'binary_cross_entropy' && loss.temperature !== undefined)
    return { name: loss.name, temperature: loss.temperature };
  return { name: loss.name };
}

describe('losses of weighted rows are PyTorch’s, and their gradients', () => {
  test.each(golden.losses.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    const spec = specOf(one);
    const [rows = 0, columns = 0] = one.shape;
    const fold = lossFold(spec, one.smoothing, columns);
    const examples = one.targets.map((target, row): Example => ({
      ids: [1],
      types: null,
      target: typeof target === 'number' ? target : Float32Array.from(target),
      weight: one.weights[row]!,
    }));
    const logits = Float32Array.from(one.logits);
    const builder = new GraphBuilder({ name: 'loss' });
    // One more row, which only fills the batch.
    const dims = [rows + 1, columns];
    const shape = { rows: rows + 1, columns };
    builder.output(
      appendLoss(builder, spec, builder.input('logits', 'float32', dims), shape),
      'loss',
    );
    const { model, gradients } = differentiate(builder.build(), { loss: 'loss', wrt: ['logits'] });
    const session = await openSession(runtime, writeModel(model), { device: 'cpu', threads: 1 });
    const targets = batchTargets(fold, examples, rows + 1, 1, lossDivisor(fold, examples));
    const outputs = await session.run({
      logits: { type: 'float32', dims, data: Float32Array.from([...logits, 1, 2, 3, 4]) },
      ...targetFeeds(
        { ...tokenBatch([], rows + 1, 1, 0), ...targets, place: 0 },
        lossInputs(spec, shape),
      ),
    });
    await session.release();
    const value = Number(outputs['loss']?.data[0]) + targets.offset;
    expect(furthest([value], [one.value])).toBeLessThan(1e-5);
    const gradient = outputs[gradients.get('logits') ?? '']?.data as Float32Array;
    expect(furthest(gradient.subarray(0, rows * columns), one.gradient)).toBeLessThan(1e-5);
    expect([...gradient.subarray(rows * columns)]).toEqual([0, 0, 0, 0]);

    // The same loss where evaluations say it, from logits that have come back.
    const each = examples.map((_example, row) => logits.slice(row * columns, (row + 1) * columns));
    const { loss } = evaluationPoint(fold, examples, each, []);
    expect(furthest([loss], [one.value])).toBeLessThan(1e-5);
  });

  test('a batch whose rows all weigh nothing has the loss 0, and no gradient that is no number', () => {
    const spec: LossSpec = { name: 'distillation', temperature: 2 };
    const fold = lossFold(spec, 0, 2);
    const examples: Example[] = [
      { ids: [1], types: null, target: Float32Array.of(0.5, 0.5), weight: 0 },
    ];
    const { targets, offset } = batchTargets(fold, examples, 1, 1, lossDivisor(fold, examples));
    expect([...targets, offset]).toEqual([0, 0, 0]);
  });
});

/** As `formula` in weighted.py. */
function fill(values: Float32Array, number: number, size: number): void {
  for (let i = 0; i < values.length; i++)
    values[i] = (((i * 7919 + number * 104_729) % 10_007) / 10_007 - 0.5) * size;
}

function tinyBert(): TrainableModel {
  const model = openTrainableModel(
    { config: bytes('bert.config.json'), weights: safetensorsWeights(bytes('bert.safetensors')) },
    { task: 'text', head: 'stock', classes: 3, method: { name: 'full' }, dropout: 0, seed: 1 },
  );
  const valuesOf = (name: string): Float32Array => {
    const values = model.parameters.get(name)?.values;
    if (values?.precision !== 'fp32') throw new Error(`${name} is not there in float32`);
    return values.data;
  };
  fill(valuesOf('classifier.weight'), 1, 0.5);
  valuesOf('classifier.bias').fill(0);
  return model;
}

describe('ten steps of a small BERT are PyTorch’s', () => {
  test.each(['soft', 'hard'] as const)('%s labels, each row with its weight', async (kind) => {
    const { ids, labels, targets, weights, temperature, learning_rate } = golden.steps;
    const expected = golden.steps[kind];
    const train = ids.map((own, row): Example => ({
      ids: own,
      types: null,
      target: kind === 'soft' ? Float32Array.from(targets[row]!) : labels[row]!,
      weight: weights[row]!,
    }));
    const model = tinyBert();
    const { trained, history } = await finish(
      finetune({
        model,
        data: { train, validation: train, padId: 0, classes: ['a', 'b', 'c'] },
        settings: {
          ...TRAINER_DEFAULTS,
          learning_rate,
          num_train_epochs: 10,
          eval_strategy: 'epoch',
        },
        loss:
          kind === 'soft'
            ? { name: 'distillation', temperature }
            : { name: 'cross_entropy', classWeights: null },
        device: 'cpu',
        runtime,
        storage: memoryStorage(),
        scope: 'small',
        identity: kind,
        then: 'train',
      }),
    );
    const steps = history.filter(({ loss }) => loss !== null);
    expect(steps).toHaveLength(10);
    expect(
      furthest(
        steps.map(({ loss }) => loss!),
        expected.losses,
      ),
    ).toBeLessThan(1e-5);
    expect(
      furthest(
        steps.map(({ grad_norm }) => grad_norm!),
        expected.norms,
      ),
    ).toBeLessThan(1e-4);
    // An evaluation after a step is the loss of the next one: the same rows, no dropout.
    for (const [at, { evaluation }] of steps.slice(0, -1).entries())
      expect(Math.abs(evaluation!.loss - expected.losses[at + 1]!)).toBeLessThan(1e-5);
    const logits = await finish(
      predictLogits({ model, trained, sequences: train, padId: 0, device: 'cpu', runtime }),
    );
    expect(
      furthest(
        logits.flatMap((row) => [...row]),
        expected.logits,
      ),
    ).toBeLessThan(1e-3);
  });
});
