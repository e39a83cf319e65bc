/** What a shape rule is, and what the rules share. A family of rules is a file beside this one. */
import { HeadlightError } from '../../../base';
import type { Attribute, Dim, ElementType, Tensor, TensorType } from '../model';
import { tensorValues } from '../tensor';

export interface OperatorInput {
  readonly elementType: ElementType;
  readonly dims: readonly Dim[] | null;
  /** The values, where they are known while building. */
  readonly constant: Tensor | null;
}

export interface OperatorCall {
  readonly opType: string;
  /** null for an optional input that is left out. */
  readonly inputs: readonly (OperatorInput | null)[];
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** How many outputs the node has, for operators with optional ones. Default: those that must be. */
  readonly outputs?: number;
}

/** The types of a node's outputs, of its inputs. */
export type Rule = (call: OperatorCall) => readonly TensorType[];

/** Rules by `domain:opType`: `:MatMul`, `com.microsoft:Gelu`. */
export type Rules = ReadonlyMap<string, Rule>;

/** One rule for several operators, named with spaces between. */
export function rulesFor(names: string, apply: Rule, domain = ''): [string, Rule][] {
  return names.split(' ').map((name) => [`${domain}:${name}`, apply]);
}

/** The shape that two shapes broadcast to (numpy's rule), keeping symbolic sizes where they are sure. */
export function broadcastDims(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = i < rank - a.length ? 1 : (a[i - rank + a.length] ?? null);
    const y = i < rank - b.length ? 1 : (b[i - rank + b.length] ?? null);
    if (x === y || y === 1) return x;
    if (x === 1) return y;
    if (typeof x === 'number' && typeof y === 'number')
      throw mismatch(`[${a.join(', ')}] and [${b.join(', ')}] do not broadcast`);
    return typeof x === 'number' ? x : typeof y === 'number' ? y : null;
  });
}

export function mismatch(what: string): HeadlightError {
  return new HeadlightError('internal', `A graph was built wrongly: ${what}.`);
}

export function input(call: OperatorCall, index: number): OperatorInput {
  const found = call.inputs[index];
  if (!found) throw mismatch(`${call.opType} lacks its input ${index}`);
  return found;
}

export function int(call: OperatorCall, name: string, absent: number): number {
  const attribute = call.attributes.get(name);
  return attribute?.type === 'int' ? Number(attribute.value) : absent;
}

export function ints(call: OperatorCall, name: string): number[] | null {
  const attribute = call.attributes.get(name);
  return attribute?.type === 'ints' ? attribute.value.map(Number) : null;
}

/** The values of a constant int64 input, or null. */
export function constantInts(from: OperatorInput | null | undefined): number[] | null {
  return from?.constant ? Array.from(tensorValues(from.constant, 'int64'), Number) : null;
}

export function axisOf(axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (positive < 0 || positive >= rank) throw mismatch(`axis ${axis} of a value of rank ${rank}`);
  return positive;
}

export function same(call: OperatorCall): TensorType[] {
  const { elementType, dims } = input(call, 0);
  return [{ elementType, dims }];
}

export function elementwise(elementTypeOf: (call: OperatorCall) => ElementType, from = 0): Rule {
  return (call) => {
    const elementType = elementTypeOf(call);
    let dims: readonly Dim[] | null = input(call, from).dims;
    for (let i = 0; i < call.inputs.length; i++) {
      const other = input(call, i).dims;
      dims = dims && other && broadcastDims(dims, other);
    }
    return [{ elementType, dims }];
  };
}

/** As many of the types as the node has outputs; an operator's further outputs are optional. */
export function firstOutputs(call: OperatorCall, types: readonly TensorType[]): TensorType[] {
  return types.slice(0, call.outputs ?? 1);
}
