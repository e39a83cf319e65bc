/** The types of every value of a graph, by one pass over its nodes with the shape rules. */
import { HeadlightError } from '../../base';
import type { Model, Node, Tensor } from './model';
import { inferOutputs, type OperatorInput } from './shapes';

/**
 * Type, shape and (of initializers and `Constant` nodes) values, by the value's name.
 * @throws HeadlightError `bad-model` when a node has no shape rule, its inputs do not fit, or a value is
 *   used before it is made.
 */
export function inferTypes(model: Model): Map<string, OperatorInput> {
  const { graph } = model;
  const known = new Map<string, OperatorInput>();
  for (const tensor of graph.initializers) known.set(tensor.name, ofTensor(tensor));
  for (const { name, type } of graph.inputs) {
    if (known.has(name)) continue;
    if (type === null)
      throw new HeadlightError('bad-model', `The graph's input ${name} is not a tensor.`);
    known.set(name, { ...type, constant: null });
  }
  for (const node of graph.nodes) inferNode(node, known);
  return known;
}

function inferNode(node: Node, known: Map<string, OperatorInput>): void {
  const value = node.attributes.get('value');
  if (node.opType === 'Constant' && value?.type === 'tensor') {
    known.set(node.outputs[0] ?? '', ofTensor(value.value));
    return;
  }
  const inputs = node.inputs.map((name) => {
    if (name === '') return null;
    const found = known.get(name);
    if (found === undefined)
      throw new HeadlightError(
        'bad-model',
        `${nodeTitle(node)} uses ${name}, which nothing makes.`,
      );
    return found;
  });
  const { opType, attributes, outputs, domain } = node;
  try {
    const types = inferOutputs(domain, { opType, attributes, inputs, outputs: outputs.length });
    outputs.forEach((name, i) => {
      const type = types[i];
      if (name !== '' && type) known.set(name, { ...type, constant: null });
    });
  } catch (cause) {
    if (!(cause instanceof HeadlightError)) throw cause;
    throw new HeadlightError('bad-model', `${nodeTitle(node)}: ${cause.message}`, { cause });
  }
}

/** How an error names a node: `The node encoder/Add_3 (Add)`. */
export function nodeTitle(node: Node): string {
  const operator = node.domain === '' ? node.opType : `${node.domain}.${node.opType}`;
  return `The node ${node.name === '' ? `that makes ${node.outputs.join(', ')}` : node.name} (${operator})`;
}

function ofTensor(tensor: Tensor): OperatorInput {
  return { elementType: tensor.elementType, dims: tensor.dims, constant: tensor };
}
