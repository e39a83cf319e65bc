/** Operators that change nothing for the inputs that they have: they leave no node behind. */
import type { ElementType } from '../model';
import { elementCount } from '../tensor';
import { toNumbers } from './array';
import type { Value } from './rewriter';

const sameDims = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((dim, i) => dim === b[i]);

function isOne(value: Value | null | undefined, expected: number): boolean {
  if (!value?.constant || elementCount(value.dims) !== 1) return false;
  return toNumbers(value.constant).values[0] === expected;
}

/** The input that the output would be equal to, or null. */
export function unchanged(
  opType: string,
  inputs: readonly (Value | null)[],
  type: { readonly elementType: ElementType; readonly dims: readonly number[] },
): Value | null {
  const isType = (value: Value | null | undefined): value is Value =>
    !!value && value.elementType === type.elementType && sameDims(value.dims, type.dims);
  const [first, second] = inputs;
  if ((opType === 'Mul' && isOne(first, 1)) || (opType === 'Add' && isOne(first, 0)))
    if (isType(second)) return second;
  if (!isType(first)) return null;
  switch (opType) {
    case 'Identity':
    case 'Cast':
    case 'Expand':
    case 'Reshape':
    case 'Squeeze':
    case 'Unsqueeze':
    case 'Tile':
    case 'Pad':
      return first;
    case 'Slice': {
      // With step -1 the shape is the same too, the values are not.
      const steps = inputs[4]?.constant ? toNumbers(inputs[4].constant).values : [];
      return steps.every((step) => step > 0) ? first : null;
    }
    case 'Mul':
    case 'Div':
      return isOne(second, 1) ? first : null;
    case 'Add':
    case 'Sub':
      return isOne(second, 0) ? first : null;
    default:
      return null;
  }
}
