/**
 * Exported encoders, imported: the same numbers as PyTorch's model, for every exporter, opset, fusion and
 * quantisation in golden/import.json (made by test/reference/graph/export_encoders.py).
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { differentiate } from '../../../src/graph/autodiff';
import {
  attribute,
  cutAt,
  GraphBuilder,
  hiddenStates,
  importModel,
  inferTypes,
  makeTensor,
  parametersAsInputs,
  tensorValues,
  writeModel,
  type ImportedModel,
  type Model,
  type Value,
} from '../../../src/graph/onnx';
import { openSession } from '../../../src/graph/runtime';
import type { Feeds, TensorData } from '../../../src/platform';
import { createNodeRuntime } from '../../../src/platform/node/runtime';

interface Flat {
  readonly dims: readonly number[];
  readonly values: readonly number[];
}
interface Expected {
  readonly logits: Flat;
  readonly hidden: readonly Flat[];
  readonly loss: number;
  readonly gradients: Readonly<Record<string, Flat>>;
}
interface Golden {
  readonly inputs: Readonly<Record<string, readonly (readonly number[])[]>>;
  readonly expected: Readonly<Record<string, Expected>>;
  readonly files: Readonly<
    Record<string, { of: string | null; tolerance: number; why: string; onnxruntime: Flat }>
  >;
}

const at = (name: string): string =>
  fileURLToPath(new URL(`../../reference/graph/golden/${name}`, import.meta.url));
const golden = JSON.parse(readFileSync(at('import.json'), 'utf8')) as Golden;
const runtime = createNodeRuntime();

function load(name: string, int32 = false): ImportedModel {
  return importModel(readFileSync(at(`import-${name}.onnx`)), { batch: 2, tokens: 7, int32 });
}

function feedsOf(model: Model): Record<string, TensorData> {
  return Object.fromEntries(
    model.graph.inputs.map(({ name, type }) => {
      const rows = golden.inputs[name] ?? [];
      const dims = [rows.length, rows[0]?.length ?? 0];
      const narrow = type?.elementType === 'int32';
      const tensor: TensorData = narrow
        ? { type: 'int32', dims, data: Int32Array.from(rows.flat()) }
        : { type: 'int64', dims, data: BigInt64Array.from(rows.flat(), BigInt) };
      return [name, tensor];
    }),
  );
}

async function run(
  model: Model,
  feeds: Feeds = feedsOf(model),
): Promise<Readonly<Record<string, TensorData>>> {
  const session = await openSession(runtime, writeModel(model), { device: 'cpu' });
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

function distance(found: TensorData | undefined, wanted: Flat): number {
  expect(found?.dims).toEqual(wanted.dims);
  return Math.max(...wanted.values.map((value, i) => Math.abs(Number(found?.data[i]) - value)));
}

const PLAIN = new Set(['', 'com.microsoft:Gelu', 'com.microsoft:FastGelu']);

describe.each(Object.entries(golden.files))('%s', (name, { of, tolerance, onnxruntime }) => {
  const expected = golden.expected[of ?? ''];

  it(`gives the logits that are expected, within ${tolerance}`, async () => {
    const imported = load(name);
    const { logits } = await run(imported.model);
    expect(distance(logits, expected?.logits ?? onnxruntime)).toBeLessThan(tolerance);
  });

  it('is plain: opset 17, shapes in numbers that the rules agree with, nothing fused but Gelu', () => {
    const { model } = load(name);
    expect(model.opsets[0]).toEqual({ domain: '', version: 17 });
    for (const node of model.graph.nodes)
      expect(PLAIN).toContain(node.domain === '' ? '' : `${node.domain}:${node.opType}`);
    const types = inferTypes(model);
    for (const { name: value, type } of model.graph.valueInfo)
      expect(types.get(value)?.dims, value).toEqual(type?.dims);
    const operators = model.graph.nodes.map(({ opType }) => opType);
    expect(operators).not.toContain('Shape');
    expect(operators.filter((operator) => operator === 'LayerNormalization')).toHaveLength(5);
    expect(operators.filter((operator) => operator === 'Gelu')).toHaveLength(2);
    expect(operators).not.toContain('Erf');
  });

  it('takes int32 ids, with the same numbers', async () => {
    const { model } = load(name, true);
    expect(model.graph.inputs.map(({ type }) => type?.elementType)).not.toContain('int64');
    const { logits } = await run(model);
    expect(distance(logits, expected?.logits ?? onnxruntime)).toBeLessThan(tolerance);
  });

  it('shows its hidden states, and can be cut at each', async () => {
    const imported = load(name);
    const { names, hidden } = hiddenStates(imported);
    expect(hidden).toBe(32);
    expect(names).toHaveLength(3);
    for (const [layer, state] of names.entries()) {
      const cut = cutAt(imported.model, { hidden_state: state });
      const { hidden_state: found } = await run(cut);
      expect(found?.dims).toEqual([2, 7, 32]);
      // Hidden states are of the size of 1 to 3 and not averaged over: five times the logits' tolerance.
      const wanted = expected?.hidden[layer];
      if (wanted) expect(distance(found, wanted)).toBeLessThan(5 * tolerance);
    }
    const first = cutAt(imported.model, [names[0] ?? '']);
    expect(first.graph.nodes.length).toBeLessThan(12);
  });

  it('differentiates, with PyTorch’s gradients', async () => {
    if (expected === undefined || tolerance > 1e-4) {
      // No exact reference: that it differentiates at all, to finite numbers.
      const { gradients } = await gradientsOf(load(name, true).model, () => true);
      expect(gradients.size).toBeGreaterThan(12);
      for (const gradient of gradients.values())
        expect(Array.from(gradient.data, Number).every(Number.isFinite)).toBe(true);
      return;
    }
    const wanted = Object.entries(expected.gradients);
    expect(wanted.length).toBeGreaterThan(4);
    const { gradients, loss } = await gradientsOf(load(name, true).model, (weight) =>
      wanted.some(([parameter]) => parameter === weight),
    );
    expect(Math.abs(loss - expected.loss)).toBeLessThan(1e-4);
    expect(gradients.size).toBeGreaterThan(2);
    for (const [weight, gradient] of gradients)
      expect(distance(gradient, expected.gradients[weight]!), weight).toBeLessThan(1e-4);
  });
});

/** The gradients of the cross-entropy of the logits to the classes 2 and 0, of the chosen weights. */
async function gradientsOf(
  model: Model,
  isWanted: (weight: string) => boolean,
): Promise<{ loss: number; gradients: Map<string, TensorData> }> {
  const weights = model.graph.initializers.filter(
    ({ name, elementType, data }) =>
      elementType === 'float32' && data.byteLength > 4 && isWanted(name),
  );
  const names = weights.map(({ name }) => name);
  const b = GraphBuilder.from(parametersAsInputs(model, names), { prefix: 'loss/' });
  const logits = b.value('logits');
  const target = b.constant('float32', [2, 3], Float32Array.of(0, 0, 1, 1, 0, 0));
  const chosen = b.add('Mul', [b.add('LogSoftmax', [logits], { axis: attribute.int(-1) }), target]);
  const sum = b.add('ReduceSum', [chosen, b.integers(0, 1)], { keepdims: attribute.int(0) });
  b.output(b.add('Mul', [sum, b.scalar(-0.5)]), 'loss');
  const derived = differentiate(b.build(), { loss: 'loss', wrt: names });
  const feeds = feedsOf(model);
  for (const weight of weights)
    feeds[weight.name] = {
      type: 'float32',
      dims: weight.dims,
      data: tensorValues(weight, 'float32'),
    };
  const needed = new Set(derived.model.graph.inputs.map(({ name }) => name));
  const results = await run(
    derived.model,
    Object.fromEntries(Object.entries(feeds).filter(([name]) => needed.has(name))),
  );
  return {
    loss: Number(results['loss']?.data[0]),
    gradients: new Map(names.map((name) => [name, results[derived.gradients.get(name) ?? '']!])),
  };
}

describe('other files', () => {
  const tiny = (opType: string, opset: number, domain = ''): Model => ({
    irVersion: 8,
    opsets: [{ domain: '', version: opset }],
    producerName: '',
    producerVersion: '',
    metadata: new Map(),
    graph: {
      name: 'tiny',
      nodes: [
        { name: 'odd', opType, domain, inputs: ['x'], outputs: ['y'], attributes: new Map() },
      ],
      initializers: [],
      inputs: [{ name: 'x', type: { elementType: 'float32', dims: ['batch', 'width', 3] } }],
      outputs: [{ name: 'y', type: null }],
      valueInfo: [],
    },
  });

  it('an operator that is not supported is named, with its node', () => {
    expect(() => importModel(tiny('GridSample', 16), { batch: 1, tokens: 2 })).toThrow(
      'In the node "odd" (GridSample)',
    );
    expect(() =>
      importModel(tiny('Inverse', 16, 'com.microsoft'), { batch: 1, tokens: 2 }),
    ).toThrow('In the node "odd" (com.microsoft.Inverse)');
  });

  it('a file that asks for more values than any encoder needs is refused', () => {
    const model = tiny('ConstantOfShape', 17);
    const dims = makeTensor('x', 'int64', [2], BigInt64Array.of(2n ** 40n, 2n));
    expect(() => importModel(model, { constants: { x: dims } })).toThrow('In the node "odd"');
  });

  it('quantised weights with fewer scales or zero points than they need are refused, not made up', () => {
    const quantised = (scales: number, zeros: number): Model => {
      const { graph, ...rest } = tiny('MatMul', 17);
      const int = (value: number) => ({ type: 'int', value: BigInt(value) }) as const;
      const floats = makeTensor('s', 'float32', [scales], new Float32Array(scales).fill(0.5));
      return {
        ...rest,
        graph: {
          ...graph,
          nodes: [
            {
              ...{ name: 'dq', opType: 'DequantizeLinear', domain: '', outputs: ['f'] },
              inputs: ['w', 's', 'z'],
              attributes: new Map([['axis', int(1)]]),
            },
            {
              ...{ name: 'm', opType: 'MatMul', domain: '', outputs: ['h'] },
              ...{ inputs: ['x', 'f'], attributes: new Map() },
            },
            {
              ...{ name: 'n', opType: 'MatMulNBits', domain: 'com.microsoft', outputs: ['y'] },
              inputs: ['h', 'p', 's4'],
              attributes: new Map([
                ['K', int(4)],
                ['N', int(2)],
                ['bits', int(4)],
                ['block_size', int(16)],
              ]),
            },
          ],
          initializers: [
            makeTensor('w', 'int8', [3, 4], new Int8Array(12)),
            floats,
            makeTensor('z', 'int8', [zeros], new Int8Array(zeros)),
            makeTensor('p', 'uint8', [2, 1, 8], new Uint8Array(16)),
            makeTensor('s4', 'float32', [scales - 2], new Float32Array(scales - 2)),
          ],
        },
      };
    };
    const sizes = { batch: 1, width: 2 };
    const open = (scales: number, zeros: number) => () =>
      importModel(quantised(scales, zeros), { ...sizes, tokens: 2, dims: sizes });
    expect(open(4, 4)).not.toThrow();
    expect(open(5, 4)).toThrow('In the node "dq"');
    expect(open(4, 3)).toThrow('In the node "dq"');
    expect(open(3, 4)).toThrow('In the node "dq"');
    expect(open(3, 1)).toThrow('In the node');
  });

  it('an opset or a shape that is not known is refused', () => {
    expect(() => importModel(tiny('Relu', 6), { batch: 1, tokens: 2 })).toThrow('opset 6');
    expect(() => importModel(tiny('Relu', 17), { batch: 1 })).toThrow('"width" is open');
  });

  it('before opset 13 softmax is over all axes from the first on', async () => {
    const { model } = importModel(tiny('Softmax', 11), { batch: 2, tokens: 2 });
    const data = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i));
    const { y } = await run(model, { x: { type: 'float32', dims: [2, 2, 3], data } });
    for (const row of [0, 1]) {
      const powers = data.slice(6 * row, 6 * row + 6).map(Math.exp);
      const sum = powers.reduce((all, power) => all + power, 0);
      powers.forEach((power, i) => {
        expect(y?.data[6 * row + i]).toBeCloseTo(power / sum, 6);
      });
    }
  });

  it('where normalisation comes first in a layer, the residual sums are the hidden states', () => {
    const b = new GraphBuilder({ name: 'pre-norm' });
    const matrix = (): Value => b.constant('float32', [4, 4], new Float32Array(16).fill(0.1));
    const norm = (value: Value): Value =>
      b.add('LayerNormalization', [
        value,
        b.constant('float32', [4], new Float32Array(4).fill(1)),
        b.constant('float32', [4], new Float32Array(4)),
      ]);
    const table = b.constant('float32', [9, 4], Float32Array.from({ length: 36 }, Math.sin));
    let state = b.add('Gather', [table, b.input('input_ids', 'int32', ['batch', 'tokens'])]);
    const wanted = [state];
    for (let layer = 0; layer < 2; layer++) {
      const [q, k, v] = ['q', 'k', 'v'].map(() => matrix());
      const normal = norm(state);
      const keys = b.add('Transpose', [b.add('MatMul', [normal, k!])], {
        perm: attribute.ints([0, 2, 1]),
      });
      const scores = b.add('Softmax', [b.add('MatMul', [b.add('MatMul', [normal, q!]), keys])]);
      const middle = b.add('Add', [
        state,
        b.add('MatMul', [scores, b.add('MatMul', [normal, v!])]),
      ]);
      state = b.add('Add', [middle, b.add('Relu', [b.add('MatMul', [norm(middle), matrix()])])]);
      if (layer === 0) wanted.push(state);
    }
    const last = norm(state);
    b.output(b.add('MatMul', [last, matrix()]), 'logits');
    const imported = importModel(b.build(), { batch: 2, tokens: 3 });
    expect(hiddenStates(imported).names).toEqual([...wanted, last].map(({ name }) => name));
  });

  it('a graph without attention has no hidden states to show, and says so', () => {
    const imported = importModel(tiny('Relu', 17), { batch: 2, tokens: 2 });
    expect(() => hiddenStates(imported)).toThrow('The hidden state after layer 0');
    expect(() => cutAt(imported.model, ['nothing'])).toThrow('No node of the graph computes');
    expect(() => parametersAsInputs(imported.model, ['w'])).toThrow('no weight named "w"');
  });

  const shared = fileURLToPath(new URL('../../../../shared/models/', import.meta.url));
  const files = [
    'exported-distilbert-tiny-random/model.onnx',
    'exported-gpt2-tiny-random-fused/past.onnx',
  ];
  // In a stranger's clone there are only the files of this repository; the list is then empty.
  for (const file of files.filter((name) => existsSync(`${shared}${name}`)))
    it(`${file} computes the same after import`, async () => {
      const bytes = readFileSync(`${shared}${file}`);
      const past = { past_seq_len: 3, total_seq_len: 8 };
      const imported = importModel(bytes, { batch: 2, tokens: 5, dims: past });
      const { model } = imported;
      expect(hiddenStates(imported).names).toHaveLength(file.includes('gpt2') ? 6 : 3);
      const feeds = Object.fromEntries(
        model.graph.inputs.map(({ name, type }, n) => {
          const dims = (type?.dims ?? []) as number[];
          const count = dims.reduce((product, dim) => product * dim, 1);
          const integer = (i: number): number =>
            name === 'attention_mask'
              ? Number(i % 8 !== 1)
              : name === 'position_ids'
                ? 3 + (i % 5)
                : 1 + ((7 * i + n) % 90);
          const tensor: TensorData =
            type?.elementType === 'int64'
              ? {
                  type: 'int64',
                  dims,
                  data: BigInt64Array.from({ length: count }, (_, i) => BigInt(integer(i))),
                }
              : type?.elementType === 'int32'
                ? {
                    type: 'int32',
                    dims,
                    data: Int32Array.from({ length: count }, (_, i) => integer(i)),
                  }
                : {
                    type: 'float32',
                    dims,
                    data: Float32Array.from({ length: count }, (_, i) => Math.sin(i + n)),
                  };
          return [name, tensor];
        }),
      );
      const session = await openSession(runtime, new Uint8Array(bytes), { device: 'cpu' });
      const before = await session.run(feeds);
      await session.release();
      const after = await run(model, feeds);
      expect(Object.keys(after).sort()).toEqual(Object.keys(before).sort());
      for (const [name, { dims, data }] of Object.entries(before))
        expect(distance(after[name], { dims, values: Array.from(data, Number) })).toBeLessThan(
          1e-5,
        );
    });
});
