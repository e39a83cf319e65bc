/**
 * Whether a graph from outside may be handed to ONNX Runtime as it is. The runtime checks much of this too, but
 * says it in its own words, after the weights were copied, or never comes back.
 */
import { HeadlightError } from '../../base';
import { MICROSOFT } from './builder';
import { nodeTitle } from './infer';
import { AbsurdGraph, LIMITS, withinLimit } from './limits';
import type { Dim, Graph, Model, Node } from './model';
import { badModel, MessageReader } from './protobuf';
import { elementCount, tensorValues } from './tensor';

/** ONNX's own operators, its classical ones, and those of ONNX Runtime: what every build of the runtime has. */
const DOMAINS: ReadonlySet<string> = new Set(['', 'ai.onnx', 'ai.onnx.ml', MICROSOFT]);

/** Operators that repeat a graph as often as a value says: an encoder of texts has none, and it may never end. */
const LOOPS: ReadonlySet<string> = new Set(['Loop', 'Scan', 'SequenceMap']);

/** What makes a value as large as an input says, and which input. */
const MAKERS: Readonly<Record<string, number>> = { ConstantOfShape: 0, Expand: 1, Tile: 1 };

/** Of a `ModelProto`. */
const FUNCTIONS = 25;

/** A size that a graph states; no text, batch or weight is larger. */
const LARGEST_DIM = 2 ** 31;

/**
 * Refuses, by name, what only a hostile, broken or foreign graph has: a cycle, a value that is made twice or never,
 * custom operators, functions of its own, loops, absurd sizes.
 * @throws HeadlightError `bad-model`.
 */
export function checkGraph(model: Model): void {
  refuseFunctions(model);
  let nodes = 0;
  const check = (graph: Graph, outside: Scope | null): void => {
    nodes += graph.nodes.length;
    withinLimit(nodes, 'nodes', 'The graph has too many nodes');
    const sizes = constantSizes(graph);
    const known = new Scope(outside);
    for (const { name } of graph.initializers) known.add(name);
    for (const { name, type } of graph.inputs) {
      known.add(name);
      checkDims(type?.dims ?? [], `The input "${name}"`);
    }
    for (const { name, type } of [...graph.outputs, ...graph.valueInfo])
      checkDims(type?.dims ?? [], `The value "${name}"`);
    const later = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
    for (const node of graph.nodes) {
      checkOperator(node);
      checkSize(node, sizes);
      for (const name of node.inputs)
        if (name !== '' && !known.has(name)) throw notMade(node, name, later.has(name));
      for (const attribute of node.attributes.values()) {
        if (attribute.type === 'graph') check(attribute.value, known);
        if (attribute.type === 'graphs') for (const one of attribute.value) check(one, known);
      }
      for (const name of node.outputs) {
        if (name !== '' && known.has(name))
          throw badModel(`${nodeTitle(node)} makes "${name}", which is there already.`);
        known.add(name);
      }
    }
    for (const { name } of graph.outputs)
      if (!known.has(name)) throw badModel(`Nothing in the graph makes its output "${name}".`);
  };
  check(model.graph, null);
}

/** Names that a graph has, and those of the graphs around it, which are not copied for each branch. */
class Scope {
  readonly #own = new Set<string>();
  readonly #outer: Scope | null;

  constructor(outer: Scope | null) {
    this.#outer = outer;
  }

  add(name: string): void {
    this.#own.add(name);
  }

  has(name: string): boolean {
    return this.#own.has(name) || this.#outer?.has(name) === true;
  }
}

function notMade(node: Node, name: string, isLater: boolean): HeadlightError {
  return badModel(
    isLater
      ? `The graph has a cycle, or its nodes are not in their order: ${nodeTitle(node)} reads "${name}", which is made only after it.`
      : `${nodeTitle(node)} reads "${name}", which nothing makes.`,
  );
}

function checkOperator(node: Node): void {
  if (!DOMAINS.has(node.domain))
    throw new HeadlightError(
      'bad-model',
      `${nodeTitle(node)} is a custom operator, of the domain ${node.domain}; ONNX Runtime does not have it.`,
      { hint: 'Export the model again with ONNX’s own operators.' },
    );
  if (LOOPS.has(node.opType))
    throw new HeadlightError(
      'bad-model',
      `${nodeTitle(node)} repeats a part of the graph, as often as its values say; that is not run.`,
      { hint: 'Export the encoder itself, without generating text.' },
    );
}

function checkDims(dims: readonly Dim[], what: string): void {
  const absurd = dims.find((dim) => typeof dim === 'number' && dim > LARGEST_DIM);
  if (absurd !== undefined) throw new AbsurdGraph(`${what} has the size ${absurd}.`);
}

/** Small lists of integers, by name. */
function constantSizes(graph: Graph): ReadonlyMap<string, readonly number[]> {
  const sizes = new Map<string, readonly number[]>();
  const add = (name: string, tensor: Graph['initializers'][number]): void => {
    if (tensor.elementType === 'int64' && tensor.data.byteLength <= 256)
      sizes.set(name, Array.from(tensorValues(tensor, 'int64'), Number));
  };
  for (const tensor of graph.initializers) add(tensor.name, tensor);
  for (const { opType, outputs, attributes } of graph.nodes) {
    const value = attributes.get('value');
    if (opType === 'Constant' && value?.type === 'tensor') add(outputs[0] ?? '', value.value);
  }
  return sizes;
}

function checkSize(node: Node, sizes: ReadonlyMap<string, readonly number[]>): void {
  const index = node.domain === '' ? MAKERS[node.opType] : undefined;
  const size = index === undefined ? undefined : sizes.get(node.inputs[index] ?? '');
  // -1 and 0 are answered by the runtime itself.
  const count = size?.reduce((product, dim) => product * Math.max(1, dim), 1) ?? 0;
  if (count > LIMITS.made)
    throw new AbsurdGraph(
      `${nodeTitle(node)} makes a value of [${(size ?? []).join(', ')}]: more than ${LIMITS.made} elements.`,
    );
}

/** @throws HeadlightError `bad-model` naming the first function that the file brings along. */
function refuseFunctions({ extraFields }: Model): void {
  if (extraFields === undefined) return;
  const reader = new MessageReader(extraFields, 'model');
  while (reader.next()) {
    if (reader.field !== FUNCTIONS) {
      reader.keep();
      continue;
    }
    const names: string[] = [];
    const body = reader.message('function');
    while (body.next()) {
      if (body.field === 1 || body.field === 10) names.push(body.string());
      else body.keep();
    }
    throw new HeadlightError(
      'bad-model',
      `The graph brings operators of its own along (functions): ${names.join(' of ') || 'one without a name'}.`,
      { hint: 'Export the model again with its functions inlined.' },
    );
  }
}

/** The weights' number, two to a byte where they are packed so. */
export function countParameters({ graph }: Model): number {
  const packed = new Set(
    graph.nodes.flatMap(({ opType, inputs, attributes }) => {
      const bits = attributes.get('bits');
      const isFour = bits?.type !== 'int' || bits.value === 4n;
      const index = { MatMulNBits: 1, MatMulBnb4: 1, GatherBlockQuantized: 0 }[opType];
      return index === undefined || !isFour ? [] : [inputs[index] ?? ''];
    }),
  );
  return graph.initializers
    .filter(({ dims }) => dims.length > 0)
    .reduce((total, { name, dims, elementType }) => {
      const each = packed.has(name) && elementType === 'uint8' ? 2 : 1;
      return total + each * elementCount(dims);
    }, 0);
}
