/** What heads compute with, held to plain loops in float64: the same numbers on tfjs and on ONNX Runtime. */
import { beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base';
import { gram, OnnxKernels, Refitter, ScoredRows, type Kernels } from '../../../src/learning/heads';
import { GraphBuilder } from '../../../src/graph/onnx';
import { exclusively, openSession } from '../../../src/graph/runtime';
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
      close(await held.predictProbabilities(activation, ofColumns, bias, WIDTH), expected);
      close(await kernels.probabilities(activation, narrow, WIDTH), expected);
    }
    expect(narrow).toEqual(Float32Array.from(logits));
    held.dispose();
  });

  it('a class that has no row yet has bias -Infinity, and probability 0', async () => {
    const held = kernels.hold(x, ROWS, COLUMNS);
    const without = bias.slice();
    without[2] = -Infinity;
    const found = await held.predictProbabilities('softmax', ofColumns, without, WIDTH);
    for (let row = 0; row < ROWS; row++) {
      const own = found.subarray(row * WIDTH, (row + 1) * WIDTH);
      expect(own[2]).toBe(0);
      expect(own.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
    }
    held.dispose();
  });

  it('what overflows stays to be seen', async () => {
    const held = kernels.hold(Float32Array.of(1e30, 1e30), 1, 2);
    expect(await held.times(Float32Array.of(1e30, 0), 1)).toEqual(Float32Array.of(Infinity));
    // Infinite less infinite: no probability.
    const lost = Float32Array.of(1e30, 1e30, -1e30, 1e30);
    for (const activation of ['softmax', 'sigmoid'] as const) {
      const found = await held.predictProbabilities(activation, lost, new Float32Array(2), 2);
      expect(found[0]).toBeNaN();
      expect((await kernels.probabilities(activation, Float32Array.of(NaN, 1), 2))[0]).toBeNaN();
    }
    held.dispose();
  });

  it('parts of larger arrays, and more rows than a block has', async () => {
    const rows = 2 * kernels.mostRows + 3;
    const around = drawn((rows + 2) * COLUMNS);
    const data = around.subarray(COLUMNS, (rows + 1) * COLUMNS);
    const held = kernels.hold(data.subarray(0, ROWS * COLUMNS), ROWS, COLUMNS);
    const part = drawn(2 * COLUMNS * WIDTH).subarray(7, 7 + COLUMNS * WIDTH);
    close(await held.times(part, WIDTH), product(data, part, ROWS, COLUMNS, WIDTH));
    held.dispose();
    const scored = new ScoredRows({ rows, columns: COLUMNS, data }, kernels);
    const others = { rows: WIDTH, columns: COLUMNS, data: drawn(WIDTH * COLUMNS) };
    close(
      await scored.products(others),
      product(data, turned(others.data, WIDTH, COLUMNS), rows, COLUMNS, WIDTH),
    );
    scored.dispose();
    await expect(scored.products(others)).rejects.toMatchObject({ code: 'internal' });
  });

  it('what was disposed of cannot be used', async () => {
    const held = kernels.hold(x, ROWS, COLUMNS);
    await held.times(ofColumns, WIDTH);
    held.dispose();
    held.dispose();
    await expect((async () => held.times(ofColumns, WIDTH))()).rejects.toThrow();
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

it('work that is waited for lets no run of an encoder in between', async () => {
  const runtime = createNodeRuntime();
  const g = new GraphBuilder({ name: 'beside' });
  g.output(g.add('Neg', [g.input('x', 'float32', [1])]), 'y');
  const beside = await openSession(runtime, g.build(), { device: 'cpu' });
  let runs = 0;
  const stop = new AbortController();
  const isOver = (): boolean => stop.signal.aborted;
  const looping = (async () => {
    for (;;) {
      if (isOver()) return;
      await beside.run({ x: { type: 'float32', dims: [1], data: Float32Array.of(1) } });
      runs += 1;
    }
  })();
  const kernels = new OnnxKernels(runtime);
  const fit = async (): Promise<number> => {
    const refitter = new Refitter({ classes: ['a', 'b'], several: false, C: 1 }, kernels);
    const labels = Int32Array.from({ length: ROWS }, (_, row) => row % 2);
    const before = runs;
    await refitter.fit({ rows: ROWS, columns: COLUMNS, data: x }, { kind: 'labels', labels });
    return runs - before;
  };
  expect(await fit()).toBeGreaterThan(5);
  expect(await exclusively(fit)).toBe(0);
  stop.abort();
  await looping;
  await beside.release();
});
