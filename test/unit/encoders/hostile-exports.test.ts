/**
 * Promise: an exported graph that is broken or hostile ends in a `bad-model` that names what is wrong: no hang, no
 * memory beyond a bound, no other error. What ONNX Runtime refuses although the reader took it is a `bad-model` too.
 */
import { describe, expect, it } from 'vitest';
import { finish, HeadlightError } from '../../../src/base';
import {
  checkGraph,
  externalFiles,
  makeTensor,
  readModel,
  writeModel,
  type Graph,
  type Model,
  type Node,
} from '../../../src/graph/onnx';
import { MessageWriter } from '../../../src/graph/onnx/protobuf';
import { addFolder, openEmbedder, openExport, type ModelFile } from '../../../src/models';
import { createNodeRuntime } from '../../../src/platform/node/runtime';
import { asUnknownArchitecture, exportedModelFiles } from '../../helpers/exported-model';
import { onnxReader } from '../../helpers/fuzz-onnx';
import { fuzzModel, newCount } from '../../helpers/model-fuzz';

const files = asUnknownArchitecture(exportedModelFiles('plain'));
const bytesOf = (name: string): Uint8Array =>
  files.find((file) => file.name === name)?.bytes ?? new Uint8Array();
const plain = readModel(bytesOf('model.onnx'));

function node(opType: string, inputs: readonly string[], output: string, rest: Partial<Node> = {}) {
  return {
    name: output,
    opType,
    domain: '',
    inputs,
    outputs: [output],
    attributes: new Map(),
    ...rest,
  };
}

const ints = (name: string, ...values: number[]) =>
  makeTensor(name, 'int64', [values.length], BigInt64Array.from(values, BigInt));

/** The export with more at its beginning. */
function extended(nodes: readonly Node[], change: Partial<Graph> = {}): Model {
  const { graph } = plain;
  return { ...plain, graph: { ...graph, nodes: [...nodes, ...graph.nodes], ...change } };
}

function open(model: Model | Uint8Array): unknown {
  const bytes = model instanceof Uint8Array ? model : writeModel(model);
  return openExport(
    {
      config: bytesOf('config.json'),
      weights: { kind: 'onnx', model: bytes, external: new Map() },
    },
    'fp32',
  );
}

function problem(model: Model | Uint8Array): HeadlightError {
  try {
    open(model);
  } catch (error) {
    if (error instanceof HeadlightError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('a graph that is refused by name', () => {
  const first = plain.graph.nodes[0]?.outputs[0] ?? '';
  const last = plain.graph.nodes.at(-1)?.outputs[0] ?? '';
  const nested = (depth: number): Graph => ({
    ...plain.graph,
    nodes:
      depth === 0
        ? []
        : [
            node('If', ['input_ids'], `if${depth}`, {
              attributes: new Map([
                ['then_branch', { type: 'graph', value: nested(depth - 1) } as const],
              ]),
            }),
          ],
    initializers: [],
  });
  const cases: readonly (readonly [string, Model | Uint8Array, RegExp])[] = [
    [
      'with a cycle',
      extended([node('Identity', [last], 'looped')]),
      /cycle.*"looped|looped.*cycle|has a cycle/,
    ],
    [
      'that reads what nothing makes',
      extended([node('Identity', ['nowhere'], 'a')]),
      /"nowhere", which nothing makes/,
    ],
    [
      'that makes a value twice',
      extended([node('Identity', ['input_ids'], first)]),
      /which is there already/,
    ],
    [
      'with a custom operator',
      extended([node('Backdoor', ['input_ids'], 'a', { domain: 'evil.corp' })]),
      /evil\.corp\.Backdoor.*custom operator/,
    ],
    [
      'with a loop',
      extended([node('Loop', ['input_ids'], 'a')]),
      /Loop.*repeats a part of the graph/,
    ],
    [
      'with functions of its own',
      {
        ...plain,
        extraFields: new MessageWriter()
          .message(25, new MessageWriter().string(1, 'Mine').string(10, 'my.domain'))
          .finish(),
      },
      /functions.*Mine of my\.domain/,
    ],
    [
      'that makes a value larger than any memory',
      extended([node('ConstantOfShape', ['huge'], 'a')], {
        initializers: [...plain.graph.initializers, ints('huge', 1 << 20, 1 << 20)],
      }),
      /ConstantOfShape.*more than 16777216 elements/,
    ],
    [
      'whose input has an absurd size',
      extended([], {
        inputs: plain.graph.inputs.map((input) => ({
          ...input,
          type: { elementType: 'int64', dims: [2 ** 50, 'sequence'] },
        })),
      }),
      /"input_ids" has the size 1125899906842624/,
    ],
    [
      'of one length of texts only',
      extended([], {
        inputs: plain.graph.inputs.map((input) => ({
          ...input,
          type: { elementType: 'int64', dims: [1, 128] },
        })),
      }),
      /fixed shape \[1, 128\] only/,
    ],
    [
      'of graphs nested without end',
      extended([], { nodes: nested(40).nodes }),
      /nests graphs more than 32 deep/,
    ],
    ['that is cut short', writeModel(plain).slice(0, -1000), /not a readable ONNX model/],
    [
      'with far too many nodes',
      extended(Array.from({ length: 40_001 }, (_, i) => node('Identity', ['input_ids'], `n${i}`))),
      /too many nodes \(4\d{4}/,
    ],
  ];
  it.each(cases)('%s', (_, model, message) => {
    const error = problem(model);
    expect(error.code).toBe('bad-model');
    expect(error.message).toMatch(message);
    expect(error.hint).not.toBeNull();
  });
});

describe('a graph that would take long', () => {
  const chain = (opType: string, second?: string): Node[] =>
    Array.from({ length: 30_000 }, (_, i) =>
      node(
        opType,
        [i === 0 ? 'start' : `c${i - 1}`, ...(second === undefined ? [] : [second])],
        `c${i}`,
      ),
    );
  const float = makeTensor('start', 'float32', [2, 2], Float32Array.of(1, 2, 3, 4));
  const big = ints('big', 4096, 4096);
  const cases: readonly (readonly [string, Model])[] = [
    [
      'a long chain of products',
      extended(chain('Mul', 'start'), { initializers: [...plain.graph.initializers, float] }),
    ],
    [
      'a long chain of transposes',
      extended(chain('Transpose'), { initializers: [...plain.graph.initializers, float] }),
    ],
    [
      'thousands of large constants',
      extended(
        Array.from({ length: 5000 }, (_, i) => node('ConstantOfShape', ['big'], `b${i}`)),
        { initializers: [...plain.graph.initializers, big] },
      ),
    ],
  ];
  it.each(cases)('%s ends soon', (_, model) => {
    const bytes = writeModel(model);
    const started = process.cpuUsage();
    try {
      open(bytes);
    } catch (error) {
      expect(error).toMatchObject({ code: 'bad-model' });
    }
    const { user, system } = process.cpuUsage(started);
    expect((user + system) / 1000).toBeLessThan(8000);
  });
});

describe('what ONNX Runtime refuses', () => {
  const runtime = createNodeRuntime();
  const embedding = async (model: Model): Promise<unknown> => {
    const changed = files.map((file): ModelFile =>
      file.name === 'model.onnx' ? { name: file.name, bytes: writeModel(model) } : file,
    );
    const encoder = await finish(addFolder(null, 'export', changed, 'fp32'));
    const embed = { layer: 0, pooling: 'mean', normalize: false, maxTokens: 16 } as const;
    const embedder = await openEmbedder({ encoder, embed, device: 'cpu', runtime });
    try {
      return await embedder.embed(['the good film']);
    } finally {
      await embedder.close();
    }
  };
  const words = plain.graph.nodes.find(({ opType }) => opType === 'Gather');
  const swapped = (replace: (one: Node) => Node[]): Model => ({
    ...plain,
    graph: {
      ...plain.graph,
      nodes: plain.graph.nodes.flatMap((one) =>
        one.inputs.includes('input_ids') && one.opType === 'Gather' ? replace(one) : [one],
      ),
    },
  });

  it('when it makes a session is a bad model', async () => {
    expect(words).toBeDefined();
    const unknown = swapped((one) => [
      node('NoSuchOperator', ['input_ids'], 'ids', { domain: 'com.microsoft' }),
      { ...one, inputs: one.inputs.map((name) => (name === 'input_ids' ? 'ids' : name)) },
    ]);
    await expect(embedding(unknown)).rejects.toMatchObject({ code: 'bad-model' });
  });

  it('when it runs is a bad model', async () => {
    // Ids that are in no table.
    const outside: Model = swapped((one) => [
      node('Add', ['input_ids', 'far'], 'ids'),
      { ...one, inputs: one.inputs.map((name) => (name === 'input_ids' ? 'ids' : name)) },
    ]);
    const far = { ...ints('far', 1_000_000) };
    const graph = { ...outside.graph, initializers: [...outside.graph.initializers, far] };
    await expect(embedding({ ...outside, graph })).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringContaining('cannot be run') as string,
    });
  });
});

it('of 150 mutated exports each is read or refused, soon', async () => {
  const reader = onnxReader(['bert', 'distilbert', 'gpt2']);
  const count = newCount();
  for (let seed = 1; seed <= 150; seed++) await fuzzModel(reader, seed, count);
  expect(count.inputs).toBe(150);
  // Not only refused: some mutations leave a model that works.
  expect(count.read).toBeGreaterThan(5);
  expect(count.refused).toBeGreaterThan(75);
});

describe('work that grows with the file, not with its square', () => {
  it('thousands of branches beside thousands of weights are checked in a moment', () => {
    const branch: Graph = {
      ...{ name: '', inputs: [], outputs: [], valueInfo: [], initializers: [] },
      nodes: [node('Identity', ['input_ids'], 'own')],
    };
    const branches = Array.from({ length: 4000 }, (_, at) =>
      node('If', ['input_ids'], `if${at}`, {
        attributes: new Map([['then_branch', { type: 'graph', value: branch } as const]]),
      }),
    );
    const weights = Array.from({ length: 30_000 }, (_, at) => ints(`w${at}`, at));
    const start = performance.now();
    checkGraph(extended(branches, { initializers: [...plain.graph.initializers, ...weights] }));
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it('a graph that keeps its weights in more files than any export has is refused', () => {
    const far = (file: string): Uint8Array =>
      new MessageWriter()
        .message(13, new MessageWriter().string(1, 'location').string(2, file))
        .int(14, 1)
        .finish();
    const initializers = Array.from({ length: 10_001 }, (_, at) => ({
      ...ints(`w${at}`),
      extraFields: far(`file${at}`),
    }));
    const bytes = writeModel({ ...plain, graph: { ...plain.graph, initializers } });
    expect(() => externalFiles(bytes)).toThrow(/more than 10000 files/);
  });
});
