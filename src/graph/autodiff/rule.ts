/** What a gradient rule is, and what it is told. A family of rules is a file in `rules/`. */
import { HeadlightError } from '../../base';
import { nodeTitle, type Attribute, type GraphBuilder, type Node, type Value } from '../onnx';

/** What a graph may be lowered for; WebGPU has fewer operators. */
export type TrainingDevice = 'cpu' | 'wasm' | 'webgpu' | 'cuda';

/** One node in the backward pass. */
export interface Backward {
  /** The graph, to add nodes to. */
  readonly g: GraphBuilder;
  readonly node: Node;
  readonly device: TrainingDevice;
  /** The gradient of the first output. */
  readonly gradient: Value;
  /** The gradient of any output; null where the loss does not depend on it. */
  gradientOf(output: number): Value | null;
  /** Whether the gradient of this input is wanted. */
  needs(input: number): boolean;
  /** Whether the optional input is there. */
  has(input: number): boolean;
  /** An input's value: as the forward pass made it, or made again (gradient checkpointing). */
  input(index: number): Value;
  output(index: number): Value;
  /** Sizes of an input; asks for no value. */
  inputDims(index: number): readonly number[];
  outputDims(index: number): readonly number[];
}

/** The gradients of the inputs, in order; null (or left out at the end) where there is none or it is not wanted. */
export type GradientRule = (b: Backward) => readonly (Value | null)[];

/** Rules by `domain:opType`, as shape rules are keyed. */
export type GradientRules = ReadonlyMap<string, GradientRule>;

/** One rule for several operators, named with spaces between. */
export function gradientFor(
  names: string,
  rule: GradientRule,
  domain = '',
): [string, GradientRule][] {
  return names.split(' ').map((name) => [`${domain}:${name}`, rule]);
}

export function intOf(b: Backward, name: string, absent: number): number {
  const found = attributeOf(b, name);
  return found?.type === 'int' ? Number(found.value) : absent;
}

export function floatOf(b: Backward, name: string, absent: number): number {
  const found = attributeOf(b, name);
  return found?.type === 'float' ? found.value : absent;
}

export function textOf(b: Backward, name: string, absent: string): string {
  const found = attributeOf(b, name);
  return found?.type === 'string' ? found.value : absent;
}

export function intsOf(b: Backward, name: string): number[] | null {
  const found = attributeOf(b, name);
  return found?.type === 'ints' ? found.value.map(Number) : null;
}

function attributeOf(b: Backward, name: string): Attribute | undefined {
  return b.node.attributes.get(name);
}

/** @throws HeadlightError `bad-model`: this use of the operator cannot be differentiated. */
export function refuse(node: Node, why: string): never {
  throw new HeadlightError('bad-model', `${nodeTitle(node)} cannot be differentiated: ${why}.`, {
    hint: 'Train the head alone, or choose an encoder of another architecture.',
  });
}
