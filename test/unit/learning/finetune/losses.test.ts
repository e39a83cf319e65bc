import { beforeAll, describe, expect, test } from 'vitest';
import { differentiate } from '../../../../src/graph/autodiff';
import { GraphBuilder, writeModel } from '../../../../src/graph/onnx';
import { openSession } from '../../../../src/graph/runtime';
import type { Example, LossSpec } from '../../../../src/learning/finetune';
import { targetFeeds } from '../../../../src/learning/finetune/feeds';
import { tokenBatch } from '../../../../src/learning/finetune/inputs';
import { appendLoss, lossInputs } from '../../../../src/learning/finetune/losses';
import {
  batchTargets,
  lossDivisor,
  lossFold,
  rowLoss,
  type LossFold,
} from '../../../../src/learning/finetune/targets';
import type { OnnxRuntime } from '../../../../src/platform';
import { nodeRuntime } from './runtime';
import { furthest, golden, type LossCase } from './golden';

let runtime: OnnxRuntime;
beforeAll(async () => {
  runtime = await nodeRuntime();
});

function specOf({ loss }: LossCase): LossSpec {
  switch (loss.name) {
    case 'cross_entropy':
      return {
        name: loss.name,
        classWeights: loss.classWeights ? Float32Array.from(loss.classWeights) : null,
      };
    case 'distillation':
      return { name: loss.name, temperature: loss.temperature ?? 1 };
    default:
      return { name: loss.name };
  }
}

function examplesOf({ targets, task, loss }: LossCase): Example[] {
  const example = (target: Example['target']): Example => ({ ids: [1], types: null, target });
  if (loss.name === 'cosine_similarity')
    return targets.flatMap((label) => [example(Number(label)), example(Number(label))]);
  return targets.map((target) => {
    if (typeof target === 'number') return example(target);
    return example(task === 'token' ? Int32Array.from(target) : Float32Array.from(target));
  });
}

/** Loss and gradient of the logits for these rows; the batch may have more rows than there are examples. */
async function learnt(
  fold: LossFold,
  spec: LossSpec,
  examples: readonly Example[],
  dims: readonly number[],
  logits: Float32Array,
  divisor: number,
): Promise<{ value: number; gradient: Float32Array }> {
  const [rows = 0] = dims;
  const columns = dims.at(-1) ?? 0;
  const tokens = dims.length === 3 ? (dims[1] ?? 1) : 1;
  const shape = { rows: rows * tokens, columns };
  const builder = new GraphBuilder({ name: 'loss' });
  const output = builder.input('logits', 'float32', dims);
  builder.output(appendLoss(builder, spec, output, shape), 'loss');
  const { model, gradients } = differentiate(builder.build(), { loss: 'loss', wrt: ['logits'] });
  const session = await openSession(runtime, writeModel(model), { device: 'cpu', threads: 1 });
  const targets = batchTargets(fold, examples, rows, tokens, divisor);
  const outputs = await session.run({
    logits: { type: 'float32', dims, data: logits },
    ...targetFeeds(
      { ...tokenBatch([], rows, 1, 0), ...targets, place: 0 },
      lossInputs(spec, shape),
    ),
  });
  await session.release();
  return {
    value: Number(outputs['loss']?.data[0]) + targets.offset,
    gradient: outputs[gradients.get('logits') ?? '']?.data as Float32Array,
  };
}

describe('losses and their gradients are PyTorch’s', () => {
  test.each(golden.losses.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    const spec = specOf(one);
    const classes = one.shape.at(-1) ?? 0;
    const fold = lossFold(spec, one.smoothing, classes);
    const examples = examplesOf(one);
    const logits = Float32Array.from(one.logits);
    const divisor = lossDivisor(fold, examples);
    const { value, gradient } = await learnt(fold, spec, examples, one.shape, logits, divisor);
    expect(furthest([value], [one.value])).toBeLessThan(1e-5);
    expect(furthest(gradient, one.gradient)).toBeLessThan(1e-5);

    // The same loss on the host, for evaluations.
    const each = logits.length / examples.length;
    const isPairs = spec.name === 'cosine_similarity';
    let sum = 0;
    for (let row = 0; row < examples.length; row += isPairs ? 2 : 1)
      sum += rowLoss(
        fold,
        examples[row]!,
        logits.slice(row * each, (row + (isPairs ? 2 : 1)) * each),
      );
    expect(furthest([sum / divisor], [one.value])).toBeLessThan(1e-6);
  });

  test.each(golden.losses.map((one) => [one.name, one] as const))(
    '%s: rows that fill the batch change nothing and get no gradient',
    async (_, one) => {
      const spec = specOf(one);
      const fold = lossFold(spec, one.smoothing, one.shape.at(-1) ?? 0);
      const examples = examplesOf(one);
      const [rows = 0, ...rest] = one.shape;
      const each = rest.reduce((all, dim) => all * dim, 1);
      const logits = new Float32Array((rows + 2) * each).fill(3);
      logits.set(one.logits);
      const dims = [rows + 2, ...rest];
      const divisor = lossDivisor(fold, examples);
      const { value, gradient } = await learnt(fold, spec, examples, dims, logits, divisor);
      expect(furthest([value], [one.value])).toBeLessThan(1e-5);
      expect(furthest(gradient.subarray(0, rows * each), one.gradient)).toBeLessThan(1e-5);
      expect([...gradient.subarray(rows * each)].every((part) => part === 0)).toBe(true);
    },
  );

  test('an accumulation of uneven batches is the mean over all its rows', async () => {
    const one = golden.losses.find(({ name }) => name === 'class weights and label smoothing')!;
    const spec = specOf(one);
    const fold = lossFold(spec, one.smoothing, 4);
    const examples = examplesOf(one);
    const divisor = lossDivisor(fold, examples);
    const logits = Float32Array.from(one.logits);
    const first = await learnt(
      fold,
      spec,
      examples.slice(0, 3),
      [3, 4],
      logits.slice(0, 12),
      divisor,
    );
    const second = await learnt(fold, spec, examples.slice(3), [2, 4], logits.slice(12), divisor);
    expect(furthest([first.value + second.value], [one.value])).toBeLessThan(1e-5);
    expect(furthest([...first.gradient, ...second.gradient], one.gradient)).toBeLessThan(1e-5);
  });

  test('label smoothing with another loss is refused', () => {
    expect(() => lossFold({ name: 'binary_cross_entropy' }, 0.1, 3)).toThrow(
      'label_smoothing_factor',
    );
  });
});
