/** ONNX files are read completely, written again without loss, and refused when they are not what they claim. */
import { existsSync, readFileSync } from 'node:fs';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { HeadlightError, seededRandom } from '../../../src/base';
import {
  intAttribute,
  intsAttribute,
  readModel,
  tensorValues,
  writeModel,
  type ArrayElementType,
  type Tensor,
} from '../../../src/graph/onnx';

const folder = new URL('../../reference/graph/', import.meta.url);
const everything = readFileSync(new URL('everything.onnx', folder));
interface Golden {
  initializers: Record<string, { dims: number[]; values: (number | string | boolean)[] }>;
  nodes: [string, string, string, string[], string[]][];
}
const golden = JSON.parse(readFileSync(new URL('everything.json', folder), 'utf8')) as Golden;

const shared = [
  'exported-distilbert-tiny-random/model.onnx',
  'exported-gpt2-tiny-random-fused/past.onnx',
]
  .map((name) => new URL(`../../../../shared/models/${name}`, import.meta.url))
  .filter((url) => existsSync(url));

function valuesOf(tensor: Tensor): (number | string | boolean)[] {
  if (tensor.strings) return [...tensor.strings];
  const values: ArrayLike<number | bigint> = tensorValues(
    tensor,
    tensor.elementType as ArrayElementType,
  );
  return Array.from(values, (value) =>
    typeof value === 'bigint' ? String(value) : tensor.elementType === 'bool' ? value === 1 : value,
  );
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof HeadlightError) return error.code;
    throw error;
  }
  return 'nothing thrown';
}

describe('reading', () => {
  const model = readModel(everything);

  it('finds the values of every element type that python onnx wrote, typed or raw', () => {
    const found = Object.fromEntries(
      model.graph.initializers.map((tensor) => [
        tensor.name,
        { dims: tensor.dims, values: valuesOf(tensor) },
      ]),
    );
    expect(found).toEqual(golden.initializers);
  });

  it('finds the nodes, with subgraphs and every kind of attribute', () => {
    const { nodes } = model.graph;
    expect(
      nodes.map((node) => [node.opType, node.domain, node.name, node.inputs, node.outputs]),
    ).toEqual(golden.nodes);
    const attributes = new Map(nodes.map((node) => [node.name, node.attributes]));
    const branch = attributes.get('branch')?.get('then_branch');
    expect(branch?.type === 'graph' && branch.value.nodes[0]?.opType).toBe('Add');
    const value = (node: string, name: string): unknown => {
      const found = attributes.get(node)?.get(name);
      return found?.type === 'other' ? undefined : found?.value;
    };
    expect(value('c2', 'value_floats')).toEqual([0.5, -1]);
    expect(value('c3', 'value_ints')).toEqual([-1n, 2n ** 63n - 1n]);
    expect(value('c4', 'value_strings')).toEqual(['a', 'ü']);
    expect(value('leaky', 'alpha')).toBe(0.125);
    const gather = nodes.find((node) => node.name === 'gather');
    expect(gather && intAttribute(gather, 'axis', 0)).toBe(-1);
    expect(gather && intAttribute(gather, 'absent', 5)).toBe(5);
    expect(gather && intsAttribute(gather, 'axes')).toBeNull();
  });

  it('finds inputs, outputs, symbolic sizes, operator sets and metadata', () => {
    expect(model.graph.inputs).toEqual([
      { name: 'x', type: { elementType: 'float32', dims: ['batch', 5] } },
      { name: 'choice', type: { elementType: 'bool', dims: [] } },
    ]);
    expect(model.graph.valueInfo[0]?.type?.dims).toEqual([null, 5]);
    expect(model.opsets).toEqual([
      { domain: '', version: 17 },
      { domain: 'local', version: 1 },
    ]);
    expect([...model.metadata]).toEqual([
      ['licence', 'none'],
      ['empty', ''],
    ]);
  });

  it('reads from any offset in a larger buffer', () => {
    for (let offset = 0; offset < 8; offset++) {
      const buffer = new Uint8Array(everything.length + 8);
      buffer.set(everything, offset);
      const moved = readModel(buffer.subarray(offset, offset + everything.length));
      expect(moved.graph.initializers.map(valuesOf)).toEqual(
        model.graph.initializers.map(valuesOf),
      );
    }
  });

  it('refuses weights that lie in a file that is not there, and names both', () => {
    const external = readFileSync(new URL('external.onnx', folder));
    expect(() => readModel(external)).toThrow(/"w" in the file \S+, which is not there/);
    expect(codeOf(() => readModel(external))).toBe('bad-model');
  });

  it('refuses what is not an ONNX model', () => {
    for (const bytes of [
      new Uint8Array(0),
      new TextEncoder().encode('<!doctype html><title>404</title>'),
      new Uint8Array(1000).fill(0xff),
    ])
      expect(codeOf(() => readModel(bytes))).toBe('bad-model');
  });

  it('refuses graphs nested without end', () => {
    // A graph (field 7) whose node (1) has an attribute (5) that is a graph (6) with such a node …
    let bytes: number[] = [];
    const wrap = (field: number, content: number[]): number[] => {
      const length = content.length;
      return [field * 8 + 2, (length & 0x7f) | 0x80, (length >> 7) & 0x7f, ...content];
    };
    for (let i = 0; i < 200; i++) bytes = wrap(1, wrap(5, wrap(6, bytes)));
    const model = [8, 8, ...wrap(7, bytes), 0x42, 2, 0x10, 17];
    expect(() => readModel(Uint8Array.from(model))).toThrow(/nests/);
  });

  it('ends in a clear error or a model for every truncation and for random damage, never otherwise', () => {
    const outcomes = new Set<string>();
    for (let length = 0; length < everything.length; length++)
      outcomes.add(codeOf(() => readModel(everything.subarray(0, length))));
    const random = seededRandom(1);
    for (let i = 0; i < 3000; i++) {
      const damaged = Uint8Array.from(everything);
      for (let hits = 1 + random.integer(4); hits > 0; hits--)
        damaged[random.integer(damaged.length)] = random.integer(256);
      outcomes.add(codeOf(() => readModel(damaged)));
    }
    expect([...outcomes].sort()).toEqual(['bad-model', 'nothing thrown']);
  });
});

describe('writing', () => {
  it('writes what was read: reading again gives the same model, kept fields included', () => {
    for (const bytes of [everything, ...shared.map((url) => readFileSync(url))]) {
      const model = readModel(bytes);
      expect(readModel(writeModel(model))).toEqual(model);
    }
    expect(readModel(everything).extraFields?.length).toBeGreaterThan(20);
  });

  it('writes files that ONNX Runtime runs to the same result, local functions included', async () => {
    const feeds = {
      x: new OrtTensor('float32', Float32Array.of(1, 2, 3, 4, 5), [1, 5]),
      choice: new OrtTensor('bool', Uint8Array.of(1), []),
    };
    const session = await InferenceSession.create(writeModel(readModel(everything)), {
      logSeverityLevel: 3,
    });
    // Twice (x + [0, 1, 2, 3, 4]), by hand.
    const { y } = await session.run(feeds);
    expect(Array.from(y?.data as Float32Array)).toEqual([2, 6, 10, 14, 18]);
  });

  it.each(shared.map((url) => [url.pathname.split('/').at(-2) ?? '', url] as const))(
    'loses nothing that changes what %s computes',
    async (_, url) => {
      const bytes = readFileSync(url);
      const written = writeModel(readModel(bytes));
      const outputs: Float32Array[] = [];
      for (const model of [new Uint8Array(bytes), written]) {
        const session = await InferenceSession.create(model, { logSeverityLevel: 3 });
        const feeds: Record<string, OrtTensor> = {};
        for (const input of session.inputMetadata) {
          if (!input.isTensor) throw new Error('not a tensor');
          // Sizes by name: one text of five tokens, nothing in the past.
          const dims = input.shape.map((dim) =>
            typeof dim === 'number'
              ? dim
              : /past/.test(dim) && !/total/.test(dim)
                ? 0
                : /batch/.test(dim)
                  ? 1
                  : 5,
          );
          const count = dims.reduce((product, dim) => product * dim, 1);
          feeds[input.name] =
            input.type === 'int64'
              ? new OrtTensor('int64', new BigInt64Array(count).fill(1n), dims)
              : input.type === 'int32'
                ? new OrtTensor('int32', new Int32Array(count).fill(1), dims)
                : new OrtTensor('float32', new Float32Array(count), dims);
        }
        const result = await session.run(feeds);
        outputs.push(result[session.outputNames[0] ?? '']?.data as Float32Array);
      }
      expect(outputs[0]?.length).toBeGreaterThan(0);
      expect(outputs[1]).toEqual(outputs[0]);
    },
  );
});
