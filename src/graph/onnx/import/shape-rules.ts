/**
 * Types and shapes of the operators of an imported graph: the rules of `shapes`, but all shapes must come
 * out as numbers, and what is wrong is the file's fault. An operator without a rule is not supported.
 */
import type { Attribute, Dim, ElementType, TensorType } from '../model';
import { badModel } from '../protobuf';
import { hasShapeRule, inferOutputs, type OperatorCall, type OperatorInput } from '../shapes';
import { axisOf, toNumbers } from './array';

export interface ShapedType {
  readonly elementType: ElementType;
  readonly dims: readonly number[];
}
interface ShapedInput extends ShapedType {
  /** The values, where they are known. */
  readonly known: Float64Array | null;
}
interface ShapeCall {
  readonly inputs: readonly (ShapedInput | null)[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}
type Rule = (call: ShapeCall) => ShapedType;

/**
 * The types of the outputs of an operator of opset 17.
 * @returns null when there is no rule for it.
 * @throws HeadlightError `bad-model` when the inputs do not fit it, or its shape depends on values that
 *   are known only in a run.
 */
export function shapesOf(domain: string, call: OperatorCall): readonly ShapedType[] | null {
  const rule = domain === '' ? RULES[call.opType] : undefined;
  if (rule !== undefined)
    return [rule({ attributes: call.attributes, inputs: call.inputs.map(shaped) })];
  return ruled(domain, call)?.map(numbered) ?? null;
}

function ruled(domain: string, call: OperatorCall): readonly TensorType[] | null {
  if (!hasShapeRule(domain, call.opType)) return null;
  try {
    return inferOutputs(domain, call);
  } catch (error) {
    throw badModel(error instanceof Error ? error.message : 'Its inputs do not fit it.', error);
  }
}

function shaped(input: OperatorInput | null): ShapedInput | null {
  if (input === null) return null;
  const small = input.constant !== null && input.constant.data.byteLength <= 1 << 16;
  const known = small ? toNumbers(input.constant).values : null;
  return { ...numbered(input), known };
}

function numbered({ elementType, dims }: TensorType): ShapedType {
  if (!dims?.every((dim: Dim): dim is number => typeof dim === 'number'))
    throw badModel('Its shape depends on values that are known only when it runs.');
  return { elementType, dims };
}

function input(call: ShapeCall, index: number): ShapedInput {
  const found = call.inputs[index];
  if (!found) throw badModel(`Its input ${index} is missing.`);
  return found;
}

function known(call: ShapeCall, index: number): number[] {
  const { known } = input(call, index);
  if (known === null) throw badModel(`Its input ${index} is known only when it runs.`);
  return [...known];
}

function int(call: ShapeCall, name: string, absent: number): number {
  const attribute = call.attributes.get(name);
  return attribute?.type === 'int' ? Number(attribute.value) : absent;
}

function ints(call: ShapeCall, name: string): number[] | null {
  const attribute = call.attributes.get(name);
  return attribute?.type === 'ints' ? attribute.value.map(Number) : null;
}

/** The shape that Reshape makes of `from`: 0 copies a size (unless `allowZero`), -1 is what is left. */
export function reshapeDims(
  from: readonly number[],
  to: readonly number[],
  allowZero = false,
): number[] {
  const count = from.reduce((all, dim) => all * dim, 1);
  const result = to.map((size, i) => (size === 0 && !allowZero ? (from[i] ?? 0) : size));
  const open = result.indexOf(-1);
  const rest = result.reduce((all, dim, i) => (i === open ? all : all * dim), 1);
  if (open >= 0) result[open] = rest === 0 ? 0 : count / rest;
  if (
    result.some((dim) => !Number.isInteger(dim)) ||
    result.reduce((all, dim) => all * dim, 1) !== count
  )
    throw badModel(`[${from.join(', ')}] cannot be reshaped to [${to.join(', ')}].`);
  return result;
}

/** Transpose's order of axes; reversed when it is not given. @throws HeadlightError `bad-model`. */
export function transposeOrder(perm: readonly number[] | null, rank: number): readonly number[] {
  const order = perm ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  if (order.length !== rank || [...order].sort((a, b) => a - b).some((axis, i) => axis !== i))
    throw badModel(`Its perm [${order.join(', ')}] is no order of ${rank} axes.`);
  return order;
}

/** Reshape and Squeeze stricter than when building: a file may be wrong, or leave out the axes. */
const RULES: Readonly<Record<string, Rule>> = {
  Reshape: (call) => ({
    elementType: input(call, 0).elementType,
    dims: reshapeDims(input(call, 0).dims, known(call, 1), int(call, 'allowzero', 0) === 1),
  }),
  Transpose: (call) => {
    const { elementType, dims } = input(call, 0);
    return {
      elementType,
      dims: transposeOrder(ints(call, 'perm'), dims.length).map((axis) => dims[axis]!),
    };
  },
  Squeeze: (call) => {
    const { elementType, dims } = input(call, 0);
    const axes = call.inputs[1] && new Set(known(call, 1).map((axis) => axisOf(axis, dims.length)));
    return { elementType, dims: dims.filter((dim, i) => (axes ? !axes.has(i) : dim !== 1)) };
  },
};
