/**
 * An exported encoder as a graph that the rest of Headlight can read, cut, differentiate and write: opset
 * 17, plain operators (LayerNormalization and Gelu kept or recognised), every shape a number, nothing
 * computed in a run that is the same in every run, weights in float32 under their names.
 *
 * In one walk over the file's nodes: each becomes the operators of opset 17 that it stands for, which are
 * computed at once where their inputs are known, and whose shapes are known else. Nothing is run.
 */
import { HeadlightError } from '../../../base';
import { GraphBuilder, MICROSOFT } from '../builder';
import { AbsurdGraph, withinLimit } from '../limits';
import type { Dim, Graph, Model, Node, Tensor } from '../model';
import { badModel } from '../protobuf';
import { readModel } from '../read';
import { ATTENTION_HANDLERS } from './attention';
import { NodeCall, type Handler, type Handlers } from './call';
import { FUSED_HANDLERS } from './fused';
import { STANDARD_HANDLERS } from './normalise';
import { joinPatterns } from './patterns';
import { QUANTISED_HANDLERS } from './quantised';
import { Rewriter, type Value } from './rewriter';
import { SHAPE_HANDLERS } from './shape-handlers';

export interface ImportOptions {
  /** Sizes for the inputs' symbolic ones by name (`batch_size`), or for the whole input by its name. */
  readonly dims?: Readonly<Record<string, number | readonly number[]>>;
  /** The first size of every input that `dims` does not give. */
  readonly batch?: number;
  /** The second. */
  readonly tokens?: number;
  /** Inputs that are fixed: their values by name (token types all 0, an empty past). */
  readonly constants?: Readonly<Record<string, Tensor>>;
  /** Integer inputs as int32 instead of int64, and all integers computed from them. Default false. */
  readonly int32?: boolean;
  /**
   * Only what there is and in which shapes: weights have no values, quantised ones are not dequantised, and fused
   * operators stand for their shapes. For finding hidden states; the result cannot be run. Default false.
   */
  readonly shapesOnly?: boolean;
}

export interface ImportedModel {
  /** Opset 17, all shapes numbers (`valueInfo` has those of the values inside). */
  readonly model: Model;
  readonly batch: number;
  readonly tokens: number;
}

/** ONNX's opsets that are read. */
const OPSETS = { oldest: 7, newest: 25 } as const;

const HANDLERS: Handlers = {
  ...STANDARD_HANDLERS,
  ...FUSED_HANDLERS,
  ...ATTENTION_HANDLERS,
  ...QUANTISED_HANDLERS,
};
const ALL_HANDLERS: Handlers = { ...HANDLERS, ...SHAPE_HANDLERS };

/**
 * Imports an exported encoder for one shape of its inputs.
 * @param file a model or the bytes of one.
 * @throws HeadlightError `bad-model` naming the operator and the node that are not supported, or the
 *   input whose shape is not known.
 */
export function importModel(file: Model | Uint8Array, options: ImportOptions): ImportedModel {
  const source = file instanceof Uint8Array ? readModel(file) : file;
  const opsets = new Map(source.opsets.map(({ domain, version }) => [domain, version]));
  const standard = opsets.get('') ?? opsets.get('ai.onnx') ?? 0;
  if (standard < OPSETS.oldest || standard > OPSETS.newest)
    throw new HeadlightError(
      'bad-model',
      `The model is of opset ${standard}; Headlight reads ${OPSETS.oldest} to ${OPSETS.newest}.`,
      { hint: `Export it again with opset 17.` },
    );
  const rewriter = new Rewriter(options.int32 ?? false, options.shapesOnly ?? false);
  const importer = new Importer(rewriter, opsets);
  const { graph } = source;
  for (const tensor of graph.initializers) importer.bind(tensor.name, rewriter.initializer(tensor));
  const sizes: number[][] = [];
  const symbols = new Map<string, number>();
  for (const info of graph.inputs) {
    const fixed = options.constants?.[info.name];
    if (fixed) importer.bind(info.name, rewriter.initializer({ ...fixed, name: info.name }));
    if (fixed || importer.has(info.name)) continue;
    if (!info.type) throw badModel(`The input "${info.name}" is not a tensor.`);
    const dims = concreteDims(info.name, info.type.dims, options, symbols);
    if (dims.length >= 2) sizes.push(dims);
    importer.bind(info.name, rewriter.input(info.name, info.type.elementType, dims));
  }
  importer.run(graph);
  const outputs = graph.outputs.map(({ name }) => ({ name, value: importer.value(name) }));
  const finished = joinPatterns(rewriter.finish(graph.name, outputs));
  const microsoft = finished.nodes.some((node) => node.domain === MICROSOFT);
  const [batch, tokens] = sizes[0] ?? [options.batch ?? 1, options.tokens ?? 1];
  return {
    batch: batch ?? 1,
    tokens: tokens ?? 1,
    model: {
      irVersion: GraphBuilder.IR_VERSION,
      opsets: [
        { domain: '', version: GraphBuilder.OPSET },
        ...(microsoft ? [{ domain: MICROSOFT, version: 1 }] : []),
      ],
      producerName: 'headlight',
      producerVersion: '',
      metadata: source.metadata,
      graph: finished,
    },
  };
}

function concreteDims(
  name: string,
  dims: readonly Dim[] | null,
  { dims: given = {}, batch, tokens }: ImportOptions,
  symbols: Map<string, number>,
): number[] {
  const whole = given[name];
  if (typeof whole === 'object') return [...whole];
  if (!dims) throw unknownShape(name, 'its rank');
  return dims.map((dim, axis) => {
    if (typeof dim === 'number') return dim;
    // A symbol is one size wherever it stands: `batch_size` may be the second of a past.
    const size = dim === null ? undefined : (given[dim] ?? symbols.get(dim));
    const common = axis === 0 ? batch : axis === 1 ? tokens : undefined;
    const found = typeof size === 'number' ? size : common;
    if (found === undefined) throw unknownShape(name, dim === null ? `size ${axis}` : `"${dim}"`);
    if (dim !== null) symbols.set(dim, found);
    return found;
  });
}

function unknownShape(name: string, what: string): HeadlightError {
  return new HeadlightError(
    'bad-model',
    `The shape of the input "${name}" is not known: ${what} is open.`,
    { hint: 'Give the size of every input.' },
  );
}

/** Walks graphs, the model's own and the branches of an If, keeping what each name stands for. */
class Importer {
  readonly #rewriter: Rewriter;
  readonly #opsets: ReadonlyMap<string, number>;
  readonly #values = new Map<string, Value>();
  #nodes = 0;

  constructor(rewriter: Rewriter, opsets: ReadonlyMap<string, number>) {
    this.#rewriter = rewriter;
    this.#opsets = opsets;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  bind(name: string, value: Value): void {
    this.#values.set(name, value);
  }

  /** @throws HeadlightError `bad-model` when nothing computes it. */
  value(name: string): Value {
    const value = this.#values.get(name);
    if (!value) throw badModel(`Nothing in the model computes "${name}".`);
    return value;
  }

  run(graph: Graph): void {
    this.#nodes += graph.nodes.length;
    withinLimit(this.#nodes, 'nodes', 'The graph has too many nodes');
    for (const node of graph.nodes) this.#node(node);
  }

  #node(node: Node): void {
    const domain = node.domain === 'ai.onnx' ? '' : node.domain;
    try {
      this.#rewriter.begin(node.name || node.outputs[0] || node.opType);
      if (domain === '' && node.opType === 'If') {
        this.#branch(node);
        return;
      }
      const inputs = node.inputs.map((name) => (name === '' ? null : this.value(name)));
      const call = new NodeCall(this.#rewriter, node, this.#opsets.get(domain) ?? 1, inputs);
      const handlers = this.#rewriter.shapesOnly ? ALL_HANDLERS : HANDLERS;
      const handler: Handler = handlers[`${domain}:${node.opType}`] ?? plain(domain);
      const made = handler(call);
      const outputs: readonly (Value | null)[] = Array.isArray(made)
        ? (made as readonly (Value | null)[])
        : [made as Value];
      node.outputs.forEach((name, i) => {
        const value = outputs[i];
        if (name === '' || !value) return;
        this.#rewriter.rename(value, name);
        this.#values.set(name, value);
      });
    } catch (error) {
      if (error instanceof HeadlightError && error.message.startsWith('In the node')) throw error;
      const name = node.name === '' ? `that makes "${node.outputs[0] ?? ''}"` : `"${node.name}"`;
      const where = `In the node ${name} (${domain === '' ? '' : `${domain}.`}${node.opType})`;
      // What JavaScript refuses to allocate is the file's doing.
      if (error instanceof RangeError)
        throw new AbsurdGraph(`${where}: its values do not fit the memory.`, error);
      if (!(error instanceof HeadlightError)) throw error;
      const message = `${where}: ${error.message}`;
      if (error instanceof AbsurdGraph) throw new AbsurdGraph(message, error);
      throw new HeadlightError('bad-model', message, {
        ...(error.hint === null ? {} : { hint: error.hint }),
        cause: error,
      });
    }
  }

  /** An If whose condition depends on shapes only is the branch that is taken. */
  #branch(node: Node): void {
    const condition = this.#rewriter.known(this.value(node.inputs[0] ?? ''), 'condition');
    const branch = node.attributes.get(condition.values[0] ? 'then_branch' : 'else_branch');
    if (branch?.type !== 'graph') throw badModel('It lacks a branch.');
    for (const tensor of branch.value.initializers)
      this.bind(tensor.name, this.#rewriter.weightOrConstant(tensor));
    this.run(branch.value);
    node.outputs.forEach((name, i) => {
      this.bind(name, this.value(branch.value.outputs[i]?.name ?? ''));
    });
  }
}

/** The operator is the same in all opsets. */
function plain(domain: string): Handler {
  return (call) => call.graph.addAll(call.node.opType, call.inputs, call.node.attributes, domain);
}
