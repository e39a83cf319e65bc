/** Dead code: what no output of a graph needs. */
import type { Model, Node } from './model';

/** Operators whose outputs after the first may be left out. */
const TRIMMED: ReadonlySet<string> = new Set(['LayerNormalization', 'Dropout']);

/** The model without nodes, inputs, initializers and value infos that its outputs do not need. */
export function withoutDeadCode(model: Model): Model {
  const { graph } = model;
  const needed = new Set(graph.outputs.map((output) => output.name));
  const nodes = [];
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    if (!node.outputs.some((name) => needed.has(name))) continue;
    nodes.push(TRIMMED.has(node.opType) ? trimmed(node, needed) : node);
    for (const name of node.inputs) needed.add(name);
  }
  return {
    ...model,
    graph: {
      ...graph,
      nodes: nodes.reverse(),
      initializers: graph.initializers.filter((tensor) => needed.has(tensor.name)),
      inputs: graph.inputs.filter((input) => needed.has(input.name)),
      valueInfo: graph.valueInfo.filter((value) => needed.has(value.name)),
    },
  };
}

/** The node without optional outputs that nothing uses, at the end. */
function trimmed(node: Node, needed: ReadonlySet<string>): Node {
  const last = node.outputs.findLastIndex((name) => needed.has(name));
  return { ...node, outputs: node.outputs.slice(0, last + 1) };
}
