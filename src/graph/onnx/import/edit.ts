/** Changes to a whole graph: cut at a value, weights handed in instead of kept. */
import { HeadlightError } from '../../../base';
import { inferTypes } from '../infer';
import type { Model } from '../model';
import { withoutDeadCode } from '../prune';

/**
 * The part of the graph that computes these values, which become its outputs under their names (of the
 * graph, or others by a map `output: value`). What they do not need is gone, inputs and weights too.
 * @throws HeadlightError `bad-model` when nothing computes a value.
 */
export function cutAt(
  model: Model,
  values: readonly string[] | Readonly<Record<string, string>>,
): Model {
  const types = inferTypes(model);
  const wanted: readonly (readonly [string, string])[] = Array.isArray(values)
    ? values.map((name: string) => [name, name] as const)
    : Object.entries(values as Readonly<Record<string, string>>);
  const renamed = new Map(wanted.map(([output, value]) => [value, output]));
  const final = (name: string): string => renamed.get(name) ?? name;
  const { graph } = model;
  const made = new Set(graph.nodes.flatMap((node) => node.outputs));
  const outputs = wanted.map(([output, value]) => {
    const type = types.get(value);
    if (!type || !made.has(value))
      throw new HeadlightError('bad-model', `No node of the graph computes "${value}".`, {
        hint: 'Cut at a value that hiddenStates names.',
      });
    return { name: output, type: { elementType: type.elementType, dims: type.dims } };
  });
  return withoutDeadCode({
    ...model,
    graph: {
      ...graph,
      nodes: graph.nodes.map((node) => ({
        ...node,
        inputs: node.inputs.map(final),
        outputs: node.outputs.map(final),
      })),
      outputs,
      valueInfo: graph.valueInfo.filter(({ name }) => !renamed.has(name)),
    },
  });
}

/**
 * Weights as inputs of the graph, under their own names: what `differentiate` and a trainer want.
 * @param names default: every float tensor with more than one element.
 * @throws HeadlightError `bad-model` when there is no such weight.
 */
export function parametersAsInputs(model: Model, names?: readonly string[]): Model {
  const { graph } = model;
  const weights = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const wanted =
    names ??
    graph.initializers
      .filter(({ elementType, data }) => elementType === 'float32' && data.byteLength > 4)
      .map(({ name }) => name);
  const inputs = wanted.map((name) => {
    const weight = weights.get(name);
    if (!weight)
      throw new HeadlightError('bad-model', `The graph has no weight named "${name}".`, {
        hint: 'Name one of its initializers.',
      });
    return { name, type: { elementType: weight.elementType, dims: weight.dims } };
  });
  const moved = new Set(wanted);
  return {
    ...model,
    graph: {
      ...graph,
      inputs: [...graph.inputs, ...inputs],
      initializers: graph.initializers.filter(({ name }) => !moved.has(name)),
    },
  };
}
