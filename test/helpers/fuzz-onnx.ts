/** Exported graphs, mutated as bytes and as graphs, and what is asked of their reader. */
import { openExport, type Precision } from '../../src/models';
import {
  readModel,
  writeModel,
  type Attribute,
  type Model,
  type Node,
  type Tensor,
} from '../../src/graph/onnx';
import { exportedFile, exportGolden, exportNames, type ExportGolden } from './exports';
import type { FuzzReader, Random } from './model-fuzz';

const VARIANTS: readonly string[] = ['dynamo', 'q8', 'q4', 'fp16', 'q4-gather', 'q4f16'];

/** @param names of architectures; default all. */
export function onnxReader(names: readonly string[] = exportNames()): FuzzReader {
  const goldens = names.map((name): [string, ExportGolden] => [name, exportGolden(name)]);
  const files = goldens.flatMap(([name, golden]) =>
    VARIANTS.filter((variant) => variant in golden.files).map((variant) => ({
      name: `${name}/${variant}`,
      bytes: exportedFile(golden, variant),
    })),
  );
  return {
    name: 'onnx',
    files,
    mutate: mutateGraph,
    read(bytes, file, random) {
      const [name = '', variant = ''] = file.split('/');
      const golden = exportGolden(name);
      // As its own architecture, where BERT and DistilBERT are read back to a checkpoint, and as an unknown one.
      const known = random.integer(2) === 0;
      const model_type = known ? golden.config['model_type'] : 'other';
      const config = new TextEncoder().encode(JSON.stringify({ ...golden.config, model_type }));
      const precision: Precision = golden.files[variant]?.precision ?? 'fp32';
      const external = new Map<string, Uint8Array>();
      const { model } = openExport(
        { config, weights: { kind: 'onnx', model: bytes, external } },
        precision,
      );
      model.graph({ layer: model.layers, pooling: 'mean', normalize: true });
    },
  };
}

const SIZES = [0, 1, -1, 2, 3, 7, 16, 255, 65536, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER];

function pick<Item>(items: readonly Item[], random: Random): Item | undefined {
  return items[random.integer(items.length)];
}

/** A valid file of a graph that makes no sense. */
function mutateGraph(bytes: Uint8Array, random: Random): Uint8Array {
  let model = readModel(bytes);
  for (let edits = 1 + random.integer(4); edits > 0; edits--) model = edited(model, random);
  return writeModel(model);
}

function edited(model: Model, random: Random): Model {
  const { graph } = model;
  const nodes = [...graph.nodes];
  const initializers = [...graph.initializers];
  const at = random.integer(Math.max(1, nodes.length));
  const node = nodes[at];
  const other = pick(nodes, random);
  if (node === undefined || other === undefined) return model;
  const values = graph.nodes.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
  const set = (change: Partial<Node>): void => {
    nodes[at] = { ...node, ...change };
  };
  const weight = random.integer(Math.max(1, initializers.length));
  const tensor = initializers[weight];
  switch (random.integer(12)) {
    case 0: // another value, which may be made later: a cycle
      set({
        inputs: node.inputs.map((name) =>
          random.integer(2) ? name : (pick(values, random) ?? name),
        ),
      });
      break;
    case 1:
      set({ opType: other.opType, domain: other.domain });
      break;
    case 2:
      set({ attributes: other.attributes });
      break;
    case 3:
      set({
        attributes: new Map([...node.attributes].map(([name, one]) => [name, wild(one, random)])),
      });
      break;
    case 4:
      set({ inputs: node.inputs.slice(0, random.integer(node.inputs.length + 1)) });
      break;
    case 5:
      nodes.splice(at, 1);
      break;
    case 6:
      nodes.splice(at, 0, other);
      break;
    case 7:
      set({ opType: 'ConstantOfShape', domain: '', inputs: [pick(values, random) ?? ''] });
      break;
    case 8:
      if (tensor !== undefined) initializers[weight] = reshaped(tensor, random);
      break;
    case 9:
      if (tensor !== undefined) initializers[weight] = filled(tensor, random);
      break;
    case 10:
      set({
        attributes: new Map([...node.attributes, ['then_branch', { type: 'graph', value: graph }]]),
        opType: 'If',
        domain: '',
      });
      break;
    default:
      return {
        ...model,
        graph: {
          ...graph,
          inputs: graph.inputs.map((input) => ({
            ...input,
            type: input.type && { ...input.type, dims: [pick(SIZES, random) ?? 0, 'sequence'] },
          })),
        },
      };
  }
  return { ...model, graph: { ...graph, nodes, initializers } };
}

function wild(attribute: Attribute, random: Random): Attribute {
  const size = BigInt(pick(SIZES, random) ?? 0);
  if (attribute.type === 'int') return { type: 'int', value: size };
  if (attribute.type === 'ints')
    return {
      type: 'ints',
      value: attribute.value.map((value) => (random.integer(2) ? value : size)),
    };
  if (attribute.type === 'float')
    return { type: 'float', value: [0, -1, NaN, Infinity, 1e30][random.integer(5)] ?? 0 };
  return attribute;
}

/** The same bytes in another shape, or bytes that are missing. */
function reshaped(tensor: Tensor, random: Random): Tensor {
  const dims = tensor.dims.length === 0 ? [1] : tensor.dims;
  const kind = random.integer(3);
  if (kind === 0) return { ...tensor, dims: [...dims].reverse() };
  if (kind === 1) return { ...tensor, dims: [dims.reduce((all, dim) => all * dim, 1)] };
  return { ...tensor, dims: [...dims, pick(SIZES, random) ?? 0] };
}

/** Integers that shapes, axes and ids are made of, as large as they can be. */
function filled(tensor: Tensor, random: Random): Tensor {
  const data = Uint8Array.from(tensor.data);
  if (tensor.elementType === 'int64') {
    const numbers = new BigInt64Array(data.buffer, 0, data.length >> 3);
    for (let i = 0; i < numbers.length; i++)
      if (random.integer(2)) numbers[i] = BigInt(pick(SIZES, random) ?? 0);
  } else data.fill([0, 0xff, 0x7f, 0x80][random.integer(4)] ?? 0);
  return { ...tensor, data };
}
