/**
 * Weights in 16, 8 and 4 bits: rounded as numpy and onnxruntime's own quantiser round them, multiplied and looked up
 * as what they stand for, in every architecture; and what they weigh.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { GraphBuilder, writeModel, type Value } from '../../../src/graph/onnx';
import { halfFloats, tensorOf, type CheckpointTensor } from '../../../src/models/checkpoints';
import {
  classifierModelGraph,
  openEncoderModel,
  parseEncoderConfig,
  safetensorsWeights,
  tensorWeights,
  checkpointOf,
} from '../../../src/models/encoders';
import { Numbers, type Arithmetic } from '../../../src/models/encoders/arithmetic';
import { matrixFloats, roundedMatrix, type Matrix } from '../../../src/models/encoders/matrix';
import { isQuantizable } from '../../../src/models/encoders/quantize';
import { float32Values } from '../../../src/models/checkpoints';
import { transposed } from '../../../src/models/encoders/weights';
import { createNodeRuntime } from '../../../src/platform/node/runtime';
import { largestDifference, runEncoder } from './run';

const REFERENCE = join(import.meta.dirname, '../../reference');
const MADE = ['fp16', 'q8', 'q4'] as const;
const FORMS = ['turned', 'stored'] as const;

interface Golden {
  readonly cases: readonly {
    readonly name: string;
    readonly rows: number;
    readonly columns: number;
    readonly weights: string;
    readonly fp16: string;
    readonly q8: { readonly values: string; readonly scales: string };
    readonly q4: { readonly values: string; readonly scales: string; readonly zeros: string };
    readonly x: string;
    readonly product: string;
  }[];
}

const golden = JSON.parse(readFileSync(join(REFERENCE, 'precision/golden.json'), 'utf8')) as Golden;

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'base64'));
}
const floatsOf = (text: string): Float32Array => new Float32Array(bytesOf(text).buffer);

async function run(
  build: (b: GraphBuilder) => Value,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<number[]> {
  const b = new GraphBuilder({ name: 'test' });
  b.output(build(b), 'y');
  const session = await InferenceSession.create(writeModel(b.build()), { logSeverityLevel: 3 });
  const { y } = await session.run(feeds);
  await session.release();
  return Array.from(y?.data as Float32Array);
}

function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length || a.length === 0) return Infinity;
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

it.each(['q8', 'q4'] as const)(
  'a weight that is no number does not become one in %s',
  (precision) => {
    const weights = new Float32Array(128).fill(0.5);
    weights[40] = NaN;
    const kept = matrixFloats(roundedMatrix(weights, 2, 64, precision, 'w'));
    expect(kept[40]).toBeNaN();
    expect(kept[64]).toBeCloseTo(0.5, 1);
  },
);

describe.each(golden.cases)('$name', ({ rows, columns, ...expected }) => {
  const weights = floatsOf(expected.weights);
  const made = (precision: Matrix['precision']): Matrix =>
    roundedMatrix(weights, rows, columns, precision, 'w');

  it('is rounded to 16 bits as numpy does', () => {
    const matrix = made('fp16');
    const bits = new Uint16Array(bytesOf(expected.fp16).buffer);
    expect(matrix.values).toEqual(bits);
    expect(matrixFloats(matrix)).toEqual(halfFloats(bits));
  });

  it('is rounded to 8 bits with a scale a row', () => {
    const matrix = made('q8');
    if (matrix.precision !== 'q8') throw new Error('not in 8 bits');
    expect(matrix.scales).toEqual(floatsOf(expected.q8.scales));
    expect(matrix.values).toEqual(new Int8Array(bytesOf(expected.q8.values).buffer));
  });

  it('is rounded to 4 bits to the very bit that onnxruntime’s quantiser has', () => {
    const matrix = made('q4');
    if (matrix.precision !== 'q4') throw new Error('not in 4 bits');
    expect(matrix.scales).toEqual(floatsOf(expected.q4.scales));
    expect(matrix.zeros).toEqual(bytesOf(expected.q4.zeros));
    expect(matrix.values).toEqual(bytesOf(expected.q4.values));
  });

  it('is multiplied as onnxruntime multiplies it, and as what it stands for', async () => {
    const values = floatsOf(expected.x);
    const x = new Tensor('float32', values, [1, 3, columns]);
    for (const precision of MADE) {
      const matrix = made(precision);
      const product = (kept: Matrix, arithmetic: Arithmetic = 'float32'): Promise<number[]> =>
        run(
          (b) =>
            new Numbers(b, arithmetic, 'turned').product(
              'w',
              [kept],
              b.input('x', 'float32', [1, 3, columns]),
            ),
          { x },
        );
      const plain = roundedMatrix(matrixFloats(matrix), rows, columns, 'fp32', 'w');
      expect(worst(await product(matrix), await product(plain))).toBeLessThan(1e-5);
    }
    const four = await run(
      (b) =>
        new Numbers(b, 'float32', 'turned').product(
          'w',
          [made('q4')],
          b.input('x', 'float32', [1, 3, columns]),
        ),
      { x },
    );
    expect(worst(four, floatsOf(expected.product))).toBeLessThan(1e-5);
  });

  it('is looked up row by row as what it stands for', async () => {
    const order = [rows - 1, 0, 1, 1];
    const ids = new Tensor('int64', BigInt64Array.from(order, BigInt), [2, 2]);
    for (const [precision, form] of MADE.flatMap((one) =>
      FORMS.map((how) => [one, how] as const),
    )) {
      const matrix = made(precision);
      const found = await run(
        (b) => new Numbers(b, 'float32', form).rows('w', matrix, b.input('ids', 'int64', [2, 2])),
        { ids },
      );
      const floats = matrixFloats(matrix);
      const wanted = order.flatMap((row) =>
        Array.from(floats.subarray(row * columns, (row + 1) * columns)),
      );
      expect(worst(found, wanted)).toBeLessThan(1e-9);
    }
  });
});

describe('weights that stay packed in memory', () => {
  it.each(['fp16', 'q8'] as const)(
    'of %s give the numbers that they give as floats',
    async (precision) => {
      const runtime = createNodeRuntime();
      const { rows, columns, weights: text, x: values } = golden.cases[0]!;
      const matrix = roundedMatrix(floatsOf(text), rows, columns, precision, 'w');
      const b = new GraphBuilder({ name: 'test' });
      const x = b.input('x', 'float32', [1, 3, columns]);
      b.output(new Numbers(b, 'float32', 'turned').product('w', [matrix], x), 'y');
      const graph = writeModel(b.build());
      const [packed, expanded] = await Promise.all(
        [true, false].map(async (packedWeights) => {
          const session = await runtime.createSession(graph, { device: 'cpu', packedWeights });
          const feed = { type: 'float32', dims: [1, 3, columns], data: floatsOf(values) } as const;
          const { y } = await session.run({ x: feed });
          await session.release();
          return y?.data as Float32Array;
        }),
      );
      expect(worst(packed!, expanded!)).toBeLessThan(1e-6);
    },
  );
});

/** Names of what a body reads turned: GPT-2 keeps its linear layers [in, out]. */
function isTurned(modelType: string, name: string): boolean {
  return modelType === 'gpt2' && /\.(c_attn|c_proj|c_fc)\.weight$/.test(name);
}

/** The checkpoint with each matrix as the floats that its precision stands for. */
function standingFor(
  tensors: ReadonlyMap<string, CheckpointTensor>,
  modelType: string,
  precision: (typeof MADE)[number],
): Map<string, CheckpointTensor> {
  const rounded = new Map(tensors);
  for (const [name, tensor] of tensors) {
    const [rows = 0, columns = 0] = tensor.shape;
    if (!isQuantizable(name, tensor)) continue;
    const values = float32Values(tensor, name);
    const isOther = isTurned(modelType, name);
    const [out, into] = isOther ? [columns, rows] : [rows, columns];
    const upright = isOther ? transposed(values, rows, columns) : values;
    const floats = matrixFloats(roundedMatrix(upright, out, into, precision, name));
    rounded.set(name, tensorOf(isOther ? transposed(floats, out, into) : floats, tensor.shape));
  }
  return rounded;
}

const architectures = ['encoders', 'finetune', 'architectures'].flatMap((folder) =>
  readdirSync(join(REFERENCE, folder))
    .filter((name) => name.endsWith('.config.json'))
    .map((name) => ({ folder, name: name.replace('.config.json', '') })),
);

describe.each(architectures)('$folder/$name', ({ folder, name }) => {
  const at = join(REFERENCE, folder, name);
  const config = readFileSync(`${at}.config.json`);
  const weights = safetensorsWeights(readFileSync(`${at}.safetensors`));
  const parsed = parseEncoderConfig(config);
  if (parsed.modelType === 'headlight-static') throw new Error('not a transformer');
  const { modelType, layers } = parsed;
  const ids = [
    [3, 5, 7, 9, 4, 2],
    [3, 8, 6, 2, 1, 1],
  ];
  const mask = [
    [1, 1, 1, 1, 1, 1],
    [1, 1, 1, 1, 0, 0],
  ];

  it.each(MADE)('in %s gives what the same numbers give as floats', async (precision) => {
    const plain = tensorWeights(standingFor(checkpointOf(weights).tensors, modelType, precision));
    const output = { layer: layers, pooling: 'mean', normalize: true } as const;
    const few = openEncoderModel({ config, weights }, precision).graph(output);
    const floats = openEncoderModel({ config, weights: plain }, 'fp32').graph(output);
    const exact = openEncoderModel({ config, weights }, 'fp32').graph(output);
    const found = (await runEncoder(few, ids, mask))['embedding']!;
    const law = (await runEncoder(floats, ids, mask))['embedding']!;
    expect(largestDifference(found, law)).toBeLessThan(1e-5);
    // It is rounded at all.
    const before = (await runEncoder(exact, ids, mask))['embedding']!;
    expect(largestDifference(found, before)).toBeGreaterThan(1e-7);
  });

  it('leaves in 4 bits as a classifier whose encoder is what the 4 bits stand for', async () => {
    const { tensors } = checkpointOf(weights);
    const plain = standingFor(tensors, modelType, 'q4');
    // Heads stay as they are; one is made up where there is none.
    const head = tensorOf(
      Float32Array.from({ length: 2 * parsed.hiddenSize }, (_, i) => Math.sin(i)),
      [2, parsed.hiddenSize],
    );
    const name = `${parsed.layout.head.tokenClassifier}.weight`;
    const bias = `${parsed.layout.head.tokenClassifier}.bias`;
    const withHead = (encoder: Map<string, CheckpointTensor>): ReturnType<typeof tensorWeights> =>
      tensorWeights(encoder.set(name, head).set(bias, tensorOf(new Float32Array(2), [2])));
    const options = { task: 'text', head: 'mean', classes: 2 } as const;
    const four = classifierModelGraph(
      { config, weights: withHead(new Map(tensors)) },
      { ...options, variant: 'q4' },
    );
    const floats = classifierModelGraph({ config, weights: withHead(plain) }, options);
    expect(largestDifference(await logitsOf(four), await logitsOf(floats))).toBeLessThan(1e-5);
  });

  async function logitsOf(graph: Uint8Array): Promise<number[][]> {
    const session = await InferenceSession.create(graph, { logSeverityLevel: 3 });
    const given: Record<string, number[][]> = {
      input_ids: ids,
      attention_mask: mask,
      token_type_ids: ids.map((row) => row.map(() => 0)),
    };
    const feeds = Object.fromEntries(
      session.inputNames.map((input) => [
        input,
        new Tensor('int64', BigInt64Array.from(given[input]!.flat(), BigInt), [2, 6]),
      ]),
    );
    const { logits } = await session.run(feeds);
    await session.release();
    const data = Array.from(logits?.data as Float32Array);
    return [data.slice(0, 2), data.slice(2)];
  }
});
