/** Dead code: what no output of a graph needs. */
import type { Model } from './model';

/** The model without nodes, inputs, initializers and value infos that its outputs do not need. */
export function withoutDeadCode(model: Model): Model {
  const { graph } = model;
  const needed = new Set(graph.outputs.map((output) => output.name));
  const nodes = [];
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    if (!node.outputs.some((name) => needed.has(name))) continue;
    nodes.push({ ...node, outputs: withoutUnused(node.outputs, needed) });
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

/** Optional outputs that nothing uses: left out at the end, an empty name in between. */
function withoutUnused(outputs: readonly string[], needed: ReadonlySet<string>): string[] {
  const kept = outputs.map((name) => (needed.has(name) ? name : ''));
  while (kept.at(-1) === '') kept.pop();
  return kept;
}
