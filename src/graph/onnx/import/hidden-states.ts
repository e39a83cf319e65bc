/**
 * Which values of an imported encoder are its hidden states: found by structure, not by name, so that it
 * holds for any exporter. Each layer has one self-attention, a softmax of [batch, heads, tokens, tokens].
 * The hidden state before a layer is the last value of the shape [batch, tokens, hidden] that everything
 * in the layer's scores, and everything after the layer, comes through: the output of the LayerNormalization before it, or, where
 * normalisation comes first in a layer, the residual sum. The state after the last layer is the last
 * residual sum of that shape, or the LayerNormalization of it.
 */
import { HeadlightError } from '../../../base';
import { inferTypes } from '../infer';
import type { Dim, Node } from '../model';
import type { ImportedModel } from './import-model';

export interface HiddenStates {
  /** Names of values [batch, tokens, hidden]: 0 after the embeddings, k after the k-th layer. */
  readonly names: readonly string[];
  readonly hidden: number;
}

/**
 * @throws HeadlightError `bad-model` when the graph has no such values: no attention over all tokens, or
 *   no single value between its layers.
 */
export function hiddenStates(imported: ImportedModel): HiddenStates {
  const { model, tokens, batch } = imported;
  const types = inferTypes(model);
  const dimsOf = (name: string): readonly Dim[] => types.get(name)?.dims ?? [];
  const { nodes } = model.graph;
  const flow = dominators(nodes, (node) => isLookUp(node, types, [batch, tokens]));
  const attentions = nodes.filter((node) => {
    const dims = dimsOf(node.outputs[0] ?? '');
    // With a past, keys are more than tokens.
    const [queries, keys] = [dims.at(-2), Number(dims.at(-1))];
    const isScores =
      queries === tokens &&
      (dims.length === 3 ? keys === tokens : dims.length === 4 && keys >= tokens);
    return node.opType === 'Softmax' && isScores && flow.has(node);
  });
  const isState = (node: Node): boolean => {
    const dims = dimsOf(node.outputs[0] ?? '');
    const [first, second, hidden] = dims;
    const isFloat = types.get(node.outputs[0] ?? '')?.elementType.startsWith('float') === true;
    return (
      isFloat &&
      dims.length === 3 &&
      first === batch &&
      second === tokens &&
      (Number(hidden) > 1 || tokens === 1)
    );
  };
  const position = new Map(nodes.map((node, i) => [node, i]));
  const lastAttention = attentions.at(-1);
  const last = lastAttention && lastState(nodes, flow, lastAttention, isState);
  if (!last) throw notFound(attentions.length);
  const backbone = new Set(chain(flow, last));
  const states: Node[] = [];
  for (const [layer, softmax] of attentions.entries()) {
    const state = chain(flow, softmax).find((node) => isState(node) && backbone.has(node));
    const before = layer === 0 ? -1 : position.get(attentions[layer - 1]!)!;
    if (!state || position.get(state)! < before) throw notFound(layer);
    states.push(state);
  }
  const names = [...states, last].map((node) => node.outputs[0] ?? '');
  const hidden = Number(dimsOf(names.at(-1) ?? '')[2]);
  const other = names.findIndex((name) => dimsOf(name)[2] !== hidden);
  if (other >= 0) throw notFound(other);
  return { names, hidden };
}

function notFound(layer: number): HeadlightError {
  return new HeadlightError(
    'bad-model',
    `The hidden state after layer ${layer} of the graph was not found.`,
    { hint: 'Export the encoder itself, with its layers one after the other.' },
  );
}

/** Rows of a table by id, [batch or 1, tokens, size]: where the texts come in. */
function isLookUp(
  node: Node,
  types: ReturnType<typeof inferTypes>,
  [batch, tokens]: readonly [number, number],
): boolean {
  const [table, ids] = node.inputs.map((name) => types.get(name));
  if (node.opType !== 'Gather' || !table?.elementType.startsWith('float')) return false;
  const isIds = ids?.dims?.length === 2 && ids.dims[0] === batch && ids.dims[1] === tokens;
  return table.dims?.length === 2 && isIds && ids.constant === null;
}

type Dominators = ReadonlyMap<Node, { readonly by: Node | null; readonly depth: number }>;

/**
 * For every node that the look-ups lead to: the nearest one before it that all ways from the look-ups go
 * through, or null when there is none (Cooper, Harvey, Kennedy 2001; one pass, for there are no loops).
 */
function dominators(nodes: readonly Node[], isSource: (node: Node) => boolean): Dominators {
  const flow = new Map<Node, { by: Node | null; depth: number }>();
  const makers = new Map<string, Node>();
  const common = (a: Node | null, b: Node | null): Node | null => {
    let [x, y] = [a, b];
    while (x !== y) {
      if (x === null || y === null) return null;
      if (flow.get(x)!.depth >= flow.get(y)!.depth) x = flow.get(x)!.by;
      else y = flow.get(y)!.by;
    }
    return x;
  };
  for (const node of nodes) {
    for (const name of node.outputs) makers.set(name, node);
    const before = node.inputs
      .map((name) => makers.get(name))
      .filter((maker) => maker !== undefined && flow.has(maker)) as Node[];
    if (isSource(node)) flow.set(node, { by: null, depth: 0 });
    else if (before.length > 0) {
      const by = before.slice(1).reduce<Node | null>(common, before[0]!);
      flow.set(node, { by, depth: by ? flow.get(by)!.depth + 1 : 0 });
    }
  }
  return flow;
}

/** The nodes that everything in this one comes through, nearest first. */
function chain(flow: Dominators, node: Node): Node[] {
  const found: Node[] = [];
  for (let at = flow.get(node)?.by ?? null; at; at = flow.get(at)!.by) found.push(at);
  return found;
}

/** The last residual sum after this attention that is a state, or the LayerNormalization of one. */
function lastState(
  nodes: readonly Node[],
  flow: Dominators,
  attention: Node,
  isState: (node: Node) => boolean,
): Node | null {
  const after = new Set<Node>([attention]);
  const makers = new Map<string, Node>();
  let last: Node | null = null;
  const sums = new Set<Node>();
  for (const node of nodes) {
    for (const name of node.outputs) makers.set(name, node);
    const before = node.inputs.map((name) => makers.get(name));
    if (before.some((maker) => maker && after.has(maker))) after.add(node);
    if (!after.has(node) || !isState(node)) continue;
    const isSum = node.opType === 'Add' && before.every((maker) => maker && flow.has(maker));
    const isNormal =
      (node.opType === 'LayerNormalization' && before[0] && sums.has(before[0])) ||
      isScaledBy(node, before, makers, sums);
    if (isSum) sums.add(node);
    if (isSum || isNormal) last = node;
  }
  return last;
}

/** By the root of the mean of its square: a product of a weight and of the sum over (or times) what is made of it. */
function isScaledBy(
  node: Node,
  before: readonly (Node | undefined)[],
  makers: ReadonlyMap<string, Node>,
  sums: ReadonlySet<Node>,
): boolean {
  if (node.opType !== 'Mul') return false;
  const made = before.filter((maker) => maker !== undefined);
  const scaled = made.length === 1 ? made[0] : undefined;
  if (scaled?.opType !== 'Div' && scaled?.opType !== 'Mul') return false;
  const parts = scaled.inputs.map((name) => makers.get(name));
  const root = parts.find((part) => part && !sums.has(part));
  return parts.some((part) => part && sums.has(part)) && rootOf(root, makers)?.opType === 'Sqrt';
}

/** The Sqrt that a value is, or is one over. */
function rootOf(node: Node | undefined, makers: ReadonlyMap<string, Node>): Node | undefined {
  return node?.opType === 'Div' ? makers.get(node.inputs[1] ?? '') : node;
}
