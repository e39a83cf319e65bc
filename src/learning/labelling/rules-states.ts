/**
 * Where an expression stands, remembered: the set of steps that are followed at once is a state, and from a state the
 * same kind of sign leads to the same state again. A text then costs two look-ups a sign, however many steps there are
 * (a deterministic automaton that is made as it is needed; Aho, Sethi and Ullman, Cox). There can be very many states:
 * beyond five hundred none are remembered any more, and the caller follows the steps themselves.
 */

const MOST_STATES = 500;
const MOST_KINDS = 4096;
/** Of what is known of a place: 16 kinds of places times what holds there. */
const MOST_LOOKS = 12;

export interface StateRules {
  /** The steps to wait for a sign at, from these on at such a place; and whether a match ends there. */
  close(
    steps: readonly number[],
    place: number,
  ): { readonly steps: Int32Array; readonly done: boolean };
  /** The steps that follow those of `steps` that a sign of such a kind matches. */
  follow(steps: Int32Array, kind: number): readonly number[];
}

export class States {
  readonly #rules: StateRules;
  readonly #places: number;
  readonly #byName = new Map<string, number>();
  readonly #open: (readonly number[])[] = [];
  readonly #waiting: Int32Array[] = [];
  readonly #closed = new Map<number, number>();
  readonly #followed = new Map<number, number>();
  #full = false;

  /** @param looks how many things are looked ahead or behind for. */
  constructor(rules: StateRules, looks: number) {
    this.#rules = rules;
    this.#places = 16 * 2 ** looks;
    this.#full = looks > MOST_LOOKS;
    this.#state([]);
  }

  /** Too many to remember: what was answered until then holds, and nothing more is asked. */
  get isFull(): boolean {
    return this.#full;
  }

  /** State 0 is where a text begins. @returns twice the waiting state, plus 1 where a match ends. */
  at(state: number, place: number): number {
    const key = state * this.#places + place;
    const known = this.#closed.get(key);
    if (known !== undefined) return known;
    const { steps, done } = this.#rules.close(this.#open[state] ?? [], place);
    const waiting = this.#waiting.push(steps) - 1;
    if (this.#waiting.length > 4 * MOST_STATES) this.#full = true;
    const answer = 2 * waiting + (done ? 1 : 0);
    this.#closed.set(key, answer);
    return answer;
  }

  /** The state after a sign of such a kind. */
  after(waiting: number, kind: number): number {
    if (kind >= MOST_KINDS) this.#full = true;
    const key = waiting * MOST_KINDS + kind;
    const known = this.#followed.get(key);
    if (known !== undefined) return known;
    const next = this.#state(this.#rules.follow(this.#waiting[waiting] ?? new Int32Array(), kind));
    this.#followed.set(key, next);
    return next;
  }

  #state(steps: readonly number[]): number {
    const name = steps.join();
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const state = this.#open.push(steps) - 1;
    if (this.#open.length > MOST_STATES) this.#full = true;
    this.#byName.set(name, state);
    return state;
  }
}
