/**
 * Which parts of an expression a sign matches. Each part is asked once a sign; signs that the same parts match are of
 * one kind, and there are few kinds.
 */

/** Signs of which it is remembered what matches them. */
const MOST_KNOWN = 20_000;

export class Signs {
  readonly #atoms: readonly RegExp[];
  readonly #word: number;
  /** Kind of a sign; -1: not asked yet. */
  readonly #ascii = new Int32Array(128).fill(-1);
  readonly #others = new Map<number, number>();
  readonly #kinds: Uint8Array[] = [];
  readonly #byName = new Map<string, number>();

  constructor(atoms: readonly RegExp[], ignoreCase: boolean) {
    this.#word = atoms.length;
    this.#atoms = [...atoms, new RegExp('^\\w$', ignoreCase ? 'iu' : 'u')];
  }

  kind(sign: number): number {
    if (sign < 128) {
      const known = this.#ascii[sign]!;
      return known < 0 ? (this.#ascii[sign] = this.#ask(sign)) : known;
    }
    const known = this.#others.get(sign);
    if (known !== undefined) return known;
    if (this.#others.size >= MOST_KNOWN) this.#others.clear();
    const kind = this.#ask(sign);
    this.#others.set(sign, kind);
    return kind;
  }

  /** [atoms]: 1 where the atom matches signs of this kind. */
  ofKind(kind: number): Uint8Array {
    return this.#kinds[kind]!;
  }

  matched(sign: number): Uint8Array {
    return this.ofKind(this.kind(sign));
  }

  isWord(sign: number): boolean {
    return this.matched(sign)[this.#word] === 1;
  }

  #ask(sign: number): number {
    const text = String.fromCodePoint(sign);
    const matched = Uint8Array.from(this.#atoms, (atom) => (atom.test(text) ? 1 : 0));
    const name = matched.join('');
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const kind = this.#kinds.push(matched) - 1;
    this.#byName.set(name, kind);
    return kind;
  }
}
