/** An expression written out as programs: steps that each wait for a sign, fork, ask something of the place, or end. */
import { stepsOf, type Expression } from './rules-expression';

/** Kinds of steps. */
export const SIGN = 0;
export const EITHER = 1;
export const PLACE = 2;
const LOOK = 3;
export const DONE = 4;

/** What may be asked of a place, in the order of the bits that answer it (`rules-matcher.ts`). */
const PLACES: readonly string[] = ['start', 'end', 'boundary', 'inside'];
const ASKS: readonly number[] = [1, 2, 12, 12];
const ASKS_LOOKS = 16;

export interface Program {
  readonly kinds: Int32Array;
  /** SIGN: the atom; EITHER: one way on; PLACE: which; LOOK: which. */
  readonly what: Int32Array;
  /** The step after. */
  readonly next: Int32Array;
  readonly start: number;
  /** Of what is looked ahead for: it is read from its end. */
  readonly forwards: boolean;
  /** Of a look. */
  readonly negated: boolean;
  /** Bits of what it asks of places; 16: what is looked for. */
  readonly asks: number;
  /** How many looks come before it. */
  readonly looks: number;
}

/** The looks, each after those it holds itself, and the whole at the end. */
export function writePrograms(tree: Expression): readonly Program[] {
  const programs: Program[] = [];
  /** One that a repetition writes several times is run once. */
  const known = new Map<Expression, number>();
  const lookOf = (node: Extract<Expression, { kind: 'look' }>): number => {
    const before = known.get(node);
    if (before !== undefined) return before;
    // Looking ahead, a match begins here: followed from its end backwards.
    const program = write(node.of, !node.ahead, node.negated, lookOf, () => programs.length);
    const place = programs.push(program) - 1;
    known.set(node, place);
    return place;
  };
  programs.push(write(tree, true, false, lookOf, () => programs.length));
  return programs;
}

function write(
  tree: Expression,
  forwards: boolean,
  negated: boolean,
  lookOf: (node: Extract<Expression, { kind: 'look' }>) => number,
  looks: () => number,
): Program {
  const kinds: number[] = [];
  const what: number[] = [];
  const next: number[] = [];
  let asks = 0;
  const emit = (kind: number, own: number, after: number): number => {
    kinds.push(kind);
    what.push(own);
    next.push(after);
    return kinds.length - 1;
  };
  /** @returns the step at which to begin so that `after` comes after it. */
  const before = (node: Expression, after: number): number => {
    switch (node.kind) {
      case 'sign':
        return emit(SIGN, node.atom, after);
      case 'sequence': {
        const order = forwards ? node.of.toReversed() : node.of;
        return order.reduce((following, one) => before(one, following), after);
      }
      case 'choice':
        return node.of
          .map((one) => before(one, after))
          .reduce((others, one) => emit(EITHER, one, others));
      case 'repeat':
        return repeated(node, after);
      case 'look':
        asks |= ASKS_LOOKS;
        return emit(LOOK, lookOf(node), after);
      default: {
        const place = PLACES.indexOf(node.kind);
        asks |= ASKS[place]!;
        return emit(PLACE, place, after);
      }
    }
  };
  const repeated = (
    { of, least, most }: Extract<Expression, { kind: 'repeat' }>,
    after: number,
  ): number => {
    // Nothing, however often, is nothing.
    if (stepsOf(of) === 0) return after;
    let first = after;
    if (most === Infinity) {
      const loop = emit(EITHER, 0, after);
      what[loop] = before(of, loop);
      first = loop;
    } else {
      for (let i = least; i < most; i++) first = emit(EITHER, before(of, first), after);
    }
    for (let i = 0; i < least; i++) first = before(of, first);
    return first;
  };
  const start = before(tree, emit(DONE, 0, 0));
  return {
    kinds: Int32Array.from(kinds),
    what: Int32Array.from(what),
    next: Int32Array.from(next),
    start,
    forwards,
    negated,
    asks,
    looks: looks(),
  };
}
