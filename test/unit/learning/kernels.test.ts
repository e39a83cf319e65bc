/** What heads compute with, held to plain loops in float64: the same numbers on tfjs and on ONNX Runtime. */
import { beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base';
import { gram, OnnxKernels, type Kernels } from '../../../src/learning/heads';
import { createNodeRuntime } from '../../../src/platform/node/runtime';
import { KERNELS } from '../../helpers/kernels';
import { relativeError } from './goldens';

const [ROWS, COLUMNS, WIDTH] = [31, 13, 5];
const random = seededRandom(1);
const drawn = (length: number): Float32Array =>
  Float32Array.from({ length }, () => random.normal());
const x = drawn(ROWS * COLUMNS);
const ofColumns = drawn(COLUMNS * WIDTH);
const ofRows = drawn(ROWS * WIDTH);
const bias = drawn(WIDTH);

/** A·B of [m, k] and [k, n]. */
function product(a: Float32Array, b: Float32Array, m: number, k: number, n: number): Float64Array {
  return Float64Array.from({ length: m * n }, (_, at) => {
    const [row, column] = [Math.floor(at / n), at % n];
    let sum = 0;
    for (let j = 0; j < k; j++) sum += a[row * k + j]! * b[j * n + column]!;
    return sum;
  });
}

function turned(a: Float32Array, rows: number, columns: number): Float32Array {
  return a.map((_, at) => a[(at % rows) * columns + Math.floor(at / rows)]!);
}

function softmax(logits: Float64Array): Float64Array {
  const exponentials = logits.map(Math.exp);
  return exponentials.map((value, at) => {
    const from = Math.floor(at / WIDTH) * WIDTH;
    return value / exponentials.subarray(from, from + WIDTH).reduce((sum, one) => sum + one, 0);
  });
}

const sigmoid = (logits: Float64Array): Float64Array =>
  logits.map((logit) => 1 / (1 + Math.exp(-logit)));

describe.each(KERNELS)('on %s', (_, make) => {
  let kernels: Kernels;
  beforeAll(async () => {
    kernels = await make();
  });

  const close = (found: Float32Array, expected: Float64Array): void => {
    expect(found).toHaveLength(expected.length);
    expect(relativeError(Float64Array.from(found), expected)).toBeLessThan(1e-6);
  };

  it('a matrix multiplies others, transposed or not, as often as asked', async () => {
    const held = kernels.hold(x, ROWS, COLUMNS);
    for (let time = 0; time < 2; time++) {
      close(await held.times(ofColumns, WIDTH), product(x, ofColumns, ROWS, COLUMNS, WIDTH));
      close(
        await held.transposedTimes(ofRows, WIDTH),
        product(turned(x, ROWS, COLUMNS), ofRows, COLUMNS, ROWS, WIDTH),
      );
    }
    // Of another width, down to one.
    close(
      await held.times(ofColumns.subarray(0, COLUMNS), 1),
      product(x, ofColumns, ROWS, COLUMNS, 1),
    );
    held.dispose();
    held.dispose();
  });

  it('probabilities of logits, and of rows by weights and biases', async () => {
    const held = kernels.hold(x, ROWS, COLUMNS);
    const logits = product(x, ofColumns, ROWS, COLUMNS, WIDTH).map(
      (value, at) => value + bias[at % WIDTH]!,
    );
    const narrow = Float32Array.from(logits);
    for (const [activation, expected] of [
      ['softmax', softmax(logits)],
      ['sigmoid', sigmoid(logits)],
    ] as const) {
      close(await held.predict(activation, ofColumns, bias, WIDTH), expected);
      close(await kernels.probabilities(activation, narrow, WIDTH), expected);
    }
    expect(narrow).toEqual(Float32Array.from(logits));
    held.dispose();
  });

  it('a class that has no row yet has bias -Infinity, and probability 0', async () => {
    const held = kernels.hold(x, ROWS, COLUMNS);
    const without = bias.slice();
    without[2] = -Infinity;
    const found = await held.predict('softmax', ofColumns, without, WIDTH);
    for (let row = 0; row < ROWS; row++) {
      const own = found.subarray(row * WIDTH, (row + 1) * WIDTH);
      expect(own[2]).toBe(0);
      expect(own.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
    }
    held.dispose();
  });

  it('what overflows stays to be seen', async () => {
    const held = kernels.hold(Float32Array.of(1e30, 1), 1, 2);
    const [found] = await held.times(Float32Array.of(1e30, 0), 1);
    expect(found).toBe(Infinity);
    held.dispose();
  });

  it('a Gram matrix', async () => {
    close(
      await gram(kernels, x, ROWS, COLUMNS),
      product(turned(x, ROWS, COLUMNS), x, COLUMNS, ROWS, COLUMNS),
    );
  });
});

it('ONNX Runtime that could not be had once is asked again', async () => {
  const runtime = createNodeRuntime();
  let refusals = 1;
  const kernels = new OnnxKernels({
    ...runtime,
    createSession: (model, options) =>
      refusals-- > 0
        ? Promise.reject(new Error('no memory'))
        : runtime.createSession(model, options),
  });
  const held = kernels.hold(x, ROWS, COLUMNS);
  await expect(held.times(ofColumns, WIDTH)).rejects.toThrow('no memory');
  expect(await held.times(ofColumns, WIDTH)).toHaveLength(ROWS * WIDTH);
});
