/**
 * Operators that exporters write out in small ones, recognised: LayerNormalization (ReduceMean, Sub, Pow,
 * ReduceMean, Add, Sqrt, Div, Mul, Add) and Gelu (with Erf, or with Tanh). A match is checked in every
 * part, constants included; what does not match stays as it is.
 */
import { MICROSOFT } from '../builder';
import { intAttribute, intsAttribute, type Graph, type Node, type Tensor } from '../model';
import { elementCount } from '../tensor';
import { toNumbers } from './array';

/** The graph with what was recognised as one node each; the parts that nothing needs any more are gone. */
export function joinPatterns(graph: Graph): Graph {
  const view = new GraphView(graph);
  const joined = new Map<Node, Node>();
  for (const node of graph.nodes) {
    const found = layerNorm(view, node) ?? gelu(view, node);
    if (found) joined.set(node, found);
  }
  // Without a shift (ModernBERT): only what is no part of one with a shift, which stands after it.
  const shifted = new Set([...joined.values()].map(({ inputs }) => inputs[0]));
  for (const node of graph.nodes) {
    const found = joined.has(node) ? null : scaledNorm(view, node);
    if (found && !shifted.has(found.inputs[0])) joined.set(node, found);
  }
  const needed = new Set(graph.outputs.map(({ name }) => name));
  const nodes = graph.nodes
    .map((node) => joined.get(node) ?? node)
    .toReversed()
    .filter((node) => {
      if (!node.outputs.some((name) => needed.has(name))) return false;
      for (const name of node.inputs) needed.add(name);
      return true;
    })
    .reverse();
  return {
    ...graph,
    nodes,
    initializers: graph.initializers.filter(({ name }) => needed.has(name)),
    valueInfo: graph.valueInfo.filter(({ name }) => needed.has(name)),
  };
}

class GraphView {
  readonly #producers = new Map<string, Node>();
  readonly #uses = new Map<string, number>();
  readonly #constants: ReadonlyMap<string, Tensor>;
  readonly #ranks = new Map<string, number>();

  constructor(graph: Graph) {
    for (const node of graph.nodes) {
      for (const name of node.outputs) this.#producers.set(name, node);
      for (const name of node.inputs) this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1);
    }
    for (const { name } of graph.outputs) this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1);
    this.#constants = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
    for (const { name, type } of [...graph.valueInfo, ...graph.inputs, ...graph.outputs])
      if (type?.dims) this.#ranks.set(name, type.dims.length);
  }

  /** The node that makes the value, when it is this operator. */
  made(name: string | undefined, opType: string): Node | null {
    const node = name === undefined ? undefined : this.#producers.get(name);
    return node?.opType === opType && node.domain === '' ? node : null;
  }

  usedOnce(name: string): boolean {
    return this.#uses.get(name) === 1;
  }

  /** The value of a constant with one element. */
  number(name: string | undefined): number | null {
    const tensor = name === undefined ? undefined : this.#constants.get(name);
    if (!tensor || elementCount(tensor.dims) !== 1) return null;
    return toNumbers(tensor).values[0] ?? null;
  }

  isVector(name: string | undefined): boolean {
    return name !== undefined && this.#constants.get(name)?.dims.length === 1;
  }

  rank(name: string): number | null {
    return this.#ranks.get(name) ?? null;
  }
}

/** Both orders of a commutative node's two inputs. */
function orders(node: Node): readonly (readonly [string, string])[] {
  const [a = '', b = ''] = node.inputs;
  return [
    [a, b],
    [b, a],
  ];
}

function layerNorm(view: GraphView, node: Node): Node | null {
  if (node.opType !== 'Add' || node.domain !== '') return null;
  for (const [scaled, shift] of orders(node)) {
    const product = view.made(scaled, 'Mul');
    const found = product && view.isVector(shift) ? scaledNorm(view, product) : null;
    if (found)
      return { ...found, name: node.name, outputs: node.outputs, inputs: [...found.inputs, shift] };
  }
  return null;
}

/** LayerNormalization with a scale and no shift. */
function scaledNorm(view: GraphView, node: Node): Node | null {
  if (node.opType !== 'Mul' || node.domain !== '') return null;
  for (const [normal, scale] of orders(node)) {
    const found = view.isVector(scale) ? normalised(view, normal) : null;
    if (found)
      return {
        ...node,
        opType: 'LayerNormalization',
        inputs: [found.value, scale],
        attributes: new Map([
          ['axis', { type: 'int', value: -1n }],
          ['epsilon', { type: 'float', value: found.epsilon }],
        ]),
      };
  }
  return null;
}

/** (x - mean) / sqrt(mean of its square + epsilon), over the last axis: x and epsilon. */
function normalised(view: GraphView, name: string): { value: string; epsilon: number } | null {
  for (const [difference, root] of quotient(view, name)) {
    const sum = view.made(view.made(root, 'Sqrt')?.inputs[0], 'Add');
    if (!sum) continue;
    for (const [variance, constant] of orders(sum)) {
      const epsilon = view.number(constant);
      const squared = lastMeanOf(view, variance);
      if (epsilon === null || squared === null) continue;
      const base = squareOf(view, squared);
      const [own, other] = [base && centred(view, base), centred(view, difference)];
      if (own !== null && own === other) return { value: own, epsilon };
    }
  }
  return null;
}

/** Numerator and denominator: a division, or a product with 1 / denominator. */
function quotient(view: GraphView, name: string): readonly (readonly [string, string])[] {
  const division = view.made(name, 'Div');
  if (division) return [[division.inputs[0] ?? '', division.inputs[1] ?? '']];
  const product = view.made(name, 'Mul');
  if (!product) return [];
  return orders(product).flatMap(([numerator, inverse]) => {
    const one = view.made(inverse, 'Div');
    return one && view.number(one.inputs[0]) === 1
      ? [[numerator, one.inputs[1] ?? ''] as const]
      : [];
  });
}

/** What ReduceMean over the last axis, kept as 1, is taken of. */
function lastMeanOf(view: GraphView, name: string): string | null {
  const mean = view.made(name, 'ReduceMean');
  const [axis, ...more] = (mean && intsAttribute(mean, 'axes')) ?? [];
  if (!mean || axis === undefined || more.length > 0) return null;
  const value = mean.inputs[0] ?? '';
  const isLast = axis === -1 || axis + 1 === view.rank(value);
  return isLast && intAttribute(mean, 'keepdims', 1) === 1 ? value : null;
}

function squareOf(view: GraphView, name: string): string | null {
  const power = view.made(name, 'Pow');
  if (power) return view.number(power.inputs[1]) === 2 ? (power.inputs[0] ?? null) : null;
  const product = view.made(name, 'Mul');
  return product && product.inputs[0] === product.inputs[1] ? (product.inputs[0] ?? null) : null;
}

/** x, of x - its mean over the last axis. */
function centred(view: GraphView, name: string): string | null {
  const difference = view.made(name, 'Sub');
  const value = difference?.inputs[0];
  if (!difference || value === undefined) return null;
  return lastMeanOf(view, difference.inputs[1] ?? '') === value ? value : null;
}

/** A product taken apart: a number times other values. */
interface Product {
  factor: number;
  readonly values: string[];
}

/** A Gelu has no product of more parts. */
const MOST_PARTS = 16;

/** @param root whether it is taken apart even when something else uses it too. */
function productOf(view: GraphView, name: string, root: boolean): Product {
  const result: Product = { factor: 1, values: [] };
  let parts = 0;
  const open = (part: string, isRoot: boolean): void => {
    if (++parts > MOST_PARTS) {
      result.values.push(part);
      return;
    }
    const constant = view.number(part);
    if (constant !== null) {
      result.factor *= constant;
      return;
    }
    const mayOpen = isRoot || view.usedOnce(part);
    const product = mayOpen ? view.made(part, 'Mul') : null;
    if (product) {
      for (const input of product.inputs) open(input, false);
      return;
    }
    const division = mayOpen ? view.made(part, 'Div') : null;
    const divisor = view.number(division?.inputs[1]);
    if (division && divisor !== null) {
      result.factor /= divisor;
      open(division.inputs[0] ?? '', false);
      return;
    }
    const power = view.made(part, 'Pow');
    const exponent = view.number(power?.inputs[1]);
    if (power && (exponent === 2 || exponent === 3))
      for (let i = 0; i < exponent; i++) result.values.push(power.inputs[0] ?? '');
    else result.values.push(part);
  };
  open(name, root);
  return result;
}

const near = (value: number, wanted: number): boolean =>
  Math.abs(value - wanted) < 1e-3 * Math.abs(wanted);

/** x * 0.5 * (1 + erf(x / sqrt 2)), or with tanh(sqrt(2 / pi) * (x + 0.044715 x^3)), in any order. */
function gelu(view: GraphView, node: Node): Node | null {
  if (node.opType !== 'Mul' || node.domain !== '') return null;
  const { factor, values } = productOf(view, node.outputs[0] ?? '', true);
  const [a, b] = values;
  if (a === undefined || b === undefined || values.length !== 2) return null;
  for (const [x, gate] of [
    [a, b],
    [b, a],
  ] as const) {
    const opType = gateOf(view, gate, x, factor);
    if (opType) return { ...node, opType, domain: MICROSOFT, inputs: [x], attributes: new Map() };
  }
  return null;
}

function gateOf(view: GraphView, gate: string, x: string, factor: number): string | null {
  const sum = view.made(gate, 'Add');
  if (!sum || !near(factor, 0.5)) return null;
  for (const [part, one] of orders(sum)) {
    if (view.number(one) !== 1) continue;
    const erf = view.made(part, 'Erf');
    if (erf) {
      const inner = productOf(view, erf.inputs[0] ?? '', true);
      if (inner.values.join() === x && near(inner.factor, Math.SQRT1_2)) return 'Gelu';
    }
    const tanh = view.made(part, 'Tanh');
    if (tanh && isTanhArgument(view, tanh.inputs[0] ?? '', x)) return 'FastGelu';
  }
  return null;
}

function isTanhArgument(view: GraphView, name: string, x: string): boolean {
  const outer = productOf(view, name, true);
  if (!near(outer.factor, Math.sqrt(2 / Math.PI))) return false;
  const rest = outer.values.filter((value) => value !== x);
  // x + 0.044715 x^3, or x * (1 + 0.044715 x^2).
  const cubed = outer.values.length === 1;
  if (rest.length !== 1 || (!cubed && outer.values.length !== 2)) return false;
  const sum = view.made(rest[0], 'Add');
  return (
    sum !== null &&
    orders(sum).some(([first, second]) => {
      const power = productOf(view, second, true);
      const isFirst = cubed ? first === x : view.number(first) === 1;
      const wanted = new Array<string>(cubed ? 3 : 2).fill(x).join();
      return isFirst && near(power.factor, 0.044715) && flattened(view, power, x) === wanted;
    })
  );
}

/** The values of a product, where x * x may itself be used elsewhere. */
function flattened(view: GraphView, product: Product, x: string): string {
  return product.values
    .flatMap((value) => {
      if (value === x) return [value];
      const inner = productOf(view, value, true);
      return near(inner.factor, 1) ? inner.values : [value];
    })
    .join();
}
