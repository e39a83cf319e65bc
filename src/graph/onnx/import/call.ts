/** One node of the file being imported, as the handlers in this folder see it. */
import type { Attribute, Node, Tensor } from '../model';
import { badModel } from '../protobuf';
import type { Rewriter, Value } from './rewriter';

export class NodeCall {
  readonly graph: Rewriter;
  readonly node: Node;
  /** Opset of the node's own domain. */
  readonly opset: number;
  readonly inputs: readonly (Value | null)[];

  constructor(graph: Rewriter, node: Node, opset: number, inputs: readonly (Value | null)[]) {
    this.graph = graph;
    this.node = node;
    this.opset = opset;
    this.inputs = inputs;
  }

  /** The same node with other inputs. */
  with(inputs: readonly (Value | null)[]): NodeCall {
    return new NodeCall(this.graph, this.node, this.opset, inputs);
  }

  /** @throws HeadlightError `bad-model` when it is left out. */
  input(index: number, what = `input ${index}`): Value {
    const value = this.inputs[index];
    if (!value) throw badModel(`Its ${what} is missing.`);
    return value;
  }

  optional(index: number): Value | null {
    return this.inputs[index] ?? null;
  }

  int(name: string, absent: number): number {
    const attribute = this.node.attributes.get(name);
    return attribute?.type === 'int' ? Number(attribute.value) : absent;
  }

  ints(name: string): number[] | null {
    const attribute = this.node.attributes.get(name);
    return attribute?.type === 'ints' ? attribute.value.map(Number) : null;
  }

  float(name: string, absent: number): number {
    const attribute = this.node.attributes.get(name);
    return attribute?.type === 'float' ? attribute.value : absent;
  }

  text(name: string, absent: string): string {
    const attribute = this.node.attributes.get(name);
    return attribute?.type === 'string' ? attribute.value : absent;
  }

  tensor(name: string): Tensor | null {
    const attribute = this.node.attributes.get(name);
    return attribute?.type === 'tensor' ? attribute.value : null;
  }

  /** The integers of an input, known now. @throws HeadlightError `bad-model` when they are not. */
  integers(index: number, what: string): number[] {
    return [...this.graph.known(this.inputs[index], what).values];
  }

  /** Whether anything could read this output. */
  wants(output: number): boolean {
    return (this.node.outputs[output] ?? '') !== '';
  }

  /** Adds an operator of opset 17. */
  add(
    opType: string,
    inputs: readonly (Value | null)[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = '',
  ): Value {
    return this.graph.add(opType, inputs, attributes, domain);
  }

  transpose(value: Value, ...perm: number[]): Value {
    return this.add('Transpose', [value], { perm: { type: 'ints', value: perm.map(BigInt) } });
  }

  reshape(value: Value, ...dims: number[]): Value {
    return this.add('Reshape', [value, this.graph.integers(...dims)]);
  }

  scaled(value: Value, factor: number): Value {
    return this.add('Mul', [value, this.graph.scalar(factor)]);
  }
}

/** What an operator of the file becomes: one value an output; null for an output that cannot be had. */
export type Handler = (call: NodeCall) => Value | readonly (Value | null)[];

/** `domain:opType` names a handler. */
export type Handlers = Readonly<Record<string, Handler>>;

/** @throws HeadlightError `bad-model` saying which form of the operator is not supported. */
export function unsupported(form: string): never {
  throw badModel(`Headlight does not support ${form}.`);
}
