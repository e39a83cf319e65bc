/**
 * Reverse-mode differentiation: the nodes of a graph are walked from the loss backwards, and each adds the
 * nodes that its rule says. Only what lies between the wanted inputs and the loss is differentiated.
 */
import { HeadlightError } from '../../base';
import {
  GraphBuilder,
  nodeTitle,
  withoutDeadCode,
  type Model,
  type Node,
  type Value,
} from '../onnx';
import { expanded, plus, scalarLike, sizes } from './emit';
import { Recomputation } from './recompute';
import { refuse, type Backward, type TrainingDevice } from './rule';
import { GRADIENT_RULES, WITHOUT_GRADIENT } from './rules';
import type { Differentiated, DifferentiateOptions } from './types';

const PREFIX = 'gradient/';

/**
 * Adds the gradients of a loss as outputs of the graph.
 * @param model opset 17, with shapes that are numbers.
 * @returns the same model with outputs `gradient:<input>`, without dead code. An input that is in no
 *   output's way is gone.
 * @throws HeadlightError `bad-model` when an operator on the way has no rule, naming it and the node; when
 *   a shape is unknown; when the loss is not a float scalar or does not depend on one of `wrt`.
 */
export function differentiate(model: Model, options: DifferentiateOptions): Differentiated {
  const device = options.device ?? 'cpu';
  const forward = device === 'webgpu' ? model : withStatistics(model);
  const { nodes, outputs } = forward.graph;
  const g = GraphBuilder.from(forward, { prefix: PREFIX });
  const loss = g.value(options.loss);
  if (!isFloat(loss) || sizes(loss).some((size) => size !== 1))
    throw new HeadlightError('bad-model', `The loss ${loss.name} is not one float number.`);
  for (const name of options.wrt)
    if (!isFloat(g.value(name)))
      throw new HeadlightError('bad-model', `${name} is not float; it has no gradient.`);

  const recomputation = new Recomputation(
    g,
    nodes,
    outputs.map(({ name }) => name),
    options.checkpoints ?? [],
    device,
  );
  const depends = dependents(g, nodes, options.wrt);
  const gradients = new Map([[loss.name, expanded(g, scalarLike(g, loss, 1), sizes(loss))]]);
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i]!;
    if (!node.inputs.some((name) => depends.has(name))) continue;
    if (!node.outputs.some((name) => depends.has(name) && gradients.has(name))) continue;
    propagate(g, node, device, depends, gradients, recomputation);
  }
  return finish(g, options.wrt, gradients);
}

/** The values that the wanted inputs have a differentiable influence on. */
function dependents(g: GraphBuilder, nodes: readonly Node[], wrt: readonly string[]): Set<string> {
  const depends = new Set(wrt);
  for (const node of nodes) {
    if (WITHOUT_GRADIENT.has(`${node.domain}:${node.opType}`)) continue;
    if (!node.inputs.some((name) => depends.has(name))) continue;
    for (const name of node.outputs) if (name !== '' && isFloat(g.value(name))) depends.add(name);
  }
  return depends;
}

/** Hands the gradients of a node's outputs on to its inputs. */
function propagate(
  g: GraphBuilder,
  node: Node,
  device: TrainingDevice,
  depends: ReadonlySet<string>,
  gradients: Map<string, Value>,
  recomputation: Recomputation,
): void {
  const rule = GRADIENT_RULES.get(`${node.domain}:${node.opType}`);
  if (rule === undefined) refuse(node, 'there is no gradient rule for this operator');
  const arrived = node.outputs.map((name) => gradients.get(name) ?? null);
  const gradient = arrived.find((value) => value !== null);
  if (gradient === undefined) throw new HeadlightError('internal', nodeTitle(node));
  if (node.opType !== 'Split' && arrived.slice(1).some((value) => value !== null))
    refuse(node, 'the loss depends on its further outputs');
  const backward: Backward = {
    g,
    node,
    device,
    gradient,
    gradientOf: (output) => arrived[output] ?? null,
    needs: (input) => depends.has(node.inputs[input] ?? ''),
    has: (input) => (node.inputs[input] ?? '') !== '',
    input: (index) => recomputation.value(node.inputs[index]!, gradient),
    output: (index) => recomputation.value(node.outputs[index]!, gradient),
    inputDims: (index) => sizes(g.value(node.inputs[index]!)),
    outputDims: (index) => sizes(g.value(node.outputs[index]!)),
  };
  rule(backward).forEach((value, i) => {
    const name = node.inputs[i] ?? '';
    if (value === null || !depends.has(name)) return;
    const before = gradients.get(name);
    gradients.set(name, before === undefined ? value : plus(g, before, value));
  });
}

function finish(
  g: GraphBuilder,
  wrt: readonly string[],
  gradients: ReadonlyMap<string, Value>,
): Differentiated {
  const names = new Map<string, string>();
  for (const input of wrt) {
    const gradient = gradients.get(input);
    if (gradient === undefined)
      throw new HeadlightError('bad-model', `The loss does not depend on ${input}.`);
    names.set(input, `gradient:${input}`);
    g.output(gradient, `gradient:${input}`);
  }
  return { model: inMemoryOrder(withoutDeadCode(g.build())), gradients: names };
}

/**
 * ONNX Runtime orders nodes by a depth-first search from those that nothing uses, the last of them first.
 * The gradients of the weights are such nodes. As they come (the embeddings' last) it would walk the whole
 * backward pass for the embeddings first, and hold every activation until the weights' gradients follow.
 * So they go to the end the other way round: each is computed as soon as it can be, and what it was
 * computed of is freed.
 */
function inMemoryOrder(model: Model): Model {
  const { nodes } = model.graph;
  const used = new Set(nodes.flatMap((node) => node.inputs));
  const isLast = (node: Node): boolean => !node.outputs.some((name) => used.has(name));
  const last = nodes.filter(isLast).reverse();
  const others = nodes.filter((node) => !isLast(node));
  return { ...model, graph: { ...model.graph, nodes: [...others, ...last] } };
}

/** Every LayerNormalization gives its mean and inverse deviation too; those not used go with the dead code. */
function withStatistics(model: Model): Model {
  const nodes = model.graph.nodes.map((node) => {
    const [y] = node.outputs;
    if (node.opType !== 'LayerNormalization' || node.outputs.length !== 1) return node;
    return { ...node, outputs: [y!, `${PREFIX}${y!}.mean`, `${PREFIX}${y!}.inverse`] };
  });
  return { ...model, graph: { ...model.graph, nodes } };
}

function isFloat(value: Value): boolean {
  return value.elementType === 'float32' || value.elementType === 'float64';
}
