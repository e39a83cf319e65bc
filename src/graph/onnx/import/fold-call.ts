/** How an operator with known inputs is asked for its outputs: what `fold.ts` and `fold-structure.ts` share. */
import type { Attribute } from '../model';
import { badModel } from '../protobuf';
import type { NumberArray } from './array';

/** An operator with known inputs; null is an optional input that is left out. */
export interface FoldCall {
  readonly inputs: readonly (NumberArray | null)[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}
export type Fold = (call: FoldCall) => NumberArray | readonly NumberArray[];

export function inputOf(call: FoldCall, index: number): NumberArray {
  const found = call.inputs[index];
  if (!found) throw badModel(`Its input ${index} is missing.`);
  return found;
}

export function intOf(call: FoldCall, name: string, absent: number): number {
  const attribute = call.attributes.get(name);
  return attribute?.type === 'int' ? Number(attribute.value) : absent;
}

export function intsOf(call: FoldCall, name: string): number[] | null {
  const attribute = call.attributes.get(name);
  return attribute?.type === 'ints' ? attribute.value.map(Number) : null;
}

/** The shape that two shapes broadcast to. @throws HeadlightError `bad-model`. */
export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1)
      throw badModel(`The shapes [${a.join(', ')}] and [${b.join(', ')}] do not broadcast.`);
    return x === 1 ? y : x;
  });
}
