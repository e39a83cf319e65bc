/**
 * Whether a regular expression matches somewhere in a text, in time that grows with the text and the expression
 * alone: all ways through the expression are followed at once (Thompson 1968; Cox, “Regular Expression Matching Can Be
 * Simple And Fast”), none is tried again. A page's own engine tries them one after the other, and `(a+)+$` over forty
 * letters takes it days.
 *
 * What is looked ahead or behind for becomes a program of its own: run over the whole text before, it says at which
 * places it holds. Looking ahead is run from the end of the text to its start.
 */
import { parseExpression } from './rules-expression';
import { DONE, EITHER, PLACE, SIGN, writePrograms, type Program } from './rules-program';
import { Signs } from './rules-signs';
import { States } from './rules-states';

/** Bits of a place. */
const AT_START = 1;
const AT_END = 2;
const AFTER_WORD = 4;
const BEFORE_WORD = 8;
/** From here on, one for each look that holds. */
const LOOKS = 16;

/** A text as it is matched. */
interface Reading {
  /** Code points. */
  readonly signs: Int32Array;
  /** For each look so far, [places]: 1 where it holds. */
  readonly holds: readonly Uint8Array[];
}

export class Matcher {
  readonly #programs: readonly Program[];
  readonly #states: readonly States[];
  readonly #signs: Signs;

  /** @throws ExpressionError for what is no expression, is too large, or has back references. */
  constructor(pattern: string, ignoreCase: boolean) {
    const { tree, atoms } = parseExpression(pattern, ignoreCase);
    this.#signs = new Signs(atoms, ignoreCase);
    this.#programs = writePrograms(tree);
    this.#states = this.#programs.map((program) => this.#statesOf(program));
  }

  /** Whether it matches anywhere. */
  test(text: string): boolean {
    const signs = signsOf(text);
    const holds: Uint8Array[] = [];
    const last = this.#programs.length - 1;
    for (let i = 0; i < last; i++) {
      const places = new Uint8Array(signs.length + 1);
      this.#run(i, { signs, holds }, places);
      holds.push(this.#programs[i]!.negated ? places.map((is) => 1 - is) : places);
    }
    return this.#run(last, { signs, holds }, null);
  }

  /** @param places set to 1 where a match ends; null: the first match is enough. */
  #run(index: number, reading: Reading, places: Uint8Array | null): boolean {
    const states = this.#states[index]!;
    const quick = states.isFull ? null : this.#byStates(index, reading, places);
    if (quick !== null) return quick;
    places?.fill(0);
    return this.#bySteps(this.#programs[index]!, reading, places);
  }

  /** null when there are too many states to remember. */
  #byStates(index: number, reading: Reading, places: Uint8Array | null): boolean | null {
    const { forwards, asks } = this.#programs[index]!;
    const states = this.#states[index]!;
    const { signs } = reading;
    let state = 0;
    let any = false;
    for (let step = 0; step <= signs.length; step++) {
      const place = forwards ? step : signs.length - step;
      const here = states.at(state, asks === 0 ? 0 : this.#place(asks, reading, place));
      if (here % 2 === 1) {
        if (places === null) return true;
        places[place] = 1;
        any = true;
      }
      if (step === signs.length) break;
      const kind = this.#signs.kind(signs[forwards ? place : place - 1]!);
      state = states.after((here - (here % 2)) / 2, kind);
      if (states.isFull) return null;
    }
    return any;
  }

  /** Bounded whatever the expression is: each step at most once a place. */
  #bySteps(program: Program, reading: Reading, places: Uint8Array | null): boolean {
    const { what, next, forwards, asks } = program;
    const { signs } = reading;
    const walk = new Walk(program);
    let any = false;
    let now: readonly number[] = [];
    for (let step = 0; step <= signs.length; step++) {
      const place = forwards ? step : signs.length - step;
      const { steps, done } = walk.close(now, this.#place(asks, reading, place));
      if (done) {
        if (places === null) return true;
        places[place] = 1;
        any = true;
      }
      if (step === signs.length) break;
      const matched = this.#signs.matched(signs[forwards ? place : place - 1]!);
      now = following(steps, matched, what, next);
    }
    return any;
  }

  #statesOf(program: Program): States {
    const { what, next, looks } = program;
    const walk = new Walk(program);
    return new States(
      {
        close: (steps, place) => walk.close(steps, place),
        follow: (steps, kind) => following(steps, this.#signs.ofKind(kind), what, next),
      },
      looks,
    );
  }

  /** What the program asks of a place, as bits. */
  #place(asks: number, { signs, holds }: Reading, place: number): number {
    let bits = 0;
    if (place === 0) bits |= AT_START;
    if (place === signs.length) bits |= AT_END;
    if ((asks & (AFTER_WORD | BEFORE_WORD)) !== 0) {
      if (place > 0 && this.#signs.isWord(signs[place - 1]!)) bits |= AFTER_WORD;
      if (place < signs.length && this.#signs.isWord(signs[place]!)) bits |= BEFORE_WORD;
    }
    bits &= asks;
    if ((asks & LOOKS) === 0) return bits;
    let all = bits;
    for (let look = 0, bit = LOOKS; look < holds.length; look++, bit *= 2)
      if (holds[look]![place] === 1) all += bit;
    return all;
  }
}

/** The steps after those that a sign matches, in order and each once. */
function following(
  steps: Int32Array,
  matched: Uint8Array,
  what: Int32Array,
  next: Int32Array,
): readonly number[] {
  const found: number[] = [];
  for (const step of steps) if (matched[what[step]!] === 1) found.push(next[step]!);
  return found.length < 2 ? found : [...new Set(found)].sort((a, b) => a - b);
}

/** Follows what takes no sign. */
class Walk {
  readonly #program: Program;
  readonly #seen: Int32Array;
  readonly #stack: Int32Array;
  #round = 0;

  constructor(program: Program) {
    this.#program = program;
    this.#seen = new Int32Array(program.kinds.length);
    this.#stack = new Int32Array(program.kinds.length + 1);
  }

  /** A match may begin at any place: the start is always among them. */
  close(steps: readonly number[], place: number): { steps: Int32Array; done: boolean } {
    const { kinds, what, next, start } = this.#program;
    this.#round++;
    let depth = 0;
    let done = false;
    const waiting: number[] = [];
    const push = (step: number): void => {
      if (this.#seen[step] === this.#round) return;
      this.#seen[step] = this.#round;
      this.#stack[depth++] = step;
    };
    for (const first of [start, ...steps]) {
      push(first);
      while (depth > 0) {
        const step = this.#stack[--depth]!;
        const kind = kinds[step]!;
        if (kind === SIGN) waiting.push(step);
        else if (kind === DONE) done = true;
        else if (kind === EITHER) {
          push(what[step]!);
          push(next[step]!);
        } else if (kind === PLACE ? isAt(what[step]!, place) : holdsAt(what[step]!, place))
          push(next[step]!);
      }
    }
    return { steps: Int32Array.from(waiting), done };
  }
}

/** @param what a place of `PLACES`. */
function isAt(what: number, place: number): boolean {
  if (what === 0) return (place & AT_START) !== 0;
  if (what === 1) return (place & AT_END) !== 0;
  const isBoundary = ((place & AFTER_WORD) !== 0) !== ((place & BEFORE_WORD) !== 0);
  return isBoundary === (what === 2);
}

function holdsAt(look: number, place: number): boolean {
  return Math.floor(place / (LOOKS * 2 ** look)) % 2 === 1;
}

/** Code points; a surrogate without its other half is one. */
function signsOf(text: string): Int32Array {
  const signs = new Int32Array(text.length);
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const sign = text.codePointAt(at) ?? 0;
    if (sign > 0xffff) at++;
    signs[count++] = sign;
  }
  return signs.subarray(0, count);
}
