/**
 * A JavaScript regular expression as a tree, read in Unicode mode (`u`; with `i` where case is ignored). What one sign
 * matches (a letter, `.`, `[a-z]`, `\d`, `\p{L}`) stays a piece of source: JavaScript itself says which signs that are.
 *
 * Taken: everything but back references (`\1`, `\k<name>`), which no engine can match in bounded time. A backslash
 * before a sign that needs none (`\-`, `\'`) is allowed, as in expressions without `u`.
 */

export type Expression =
  /** `atom`: its place among `atoms`. */
  | { readonly kind: 'sign'; readonly atom: number }
  | { readonly kind: 'sequence' | 'choice'; readonly of: readonly Expression[] }
  /** `most` may be Infinity. */
  | {
      readonly kind: 'repeat';
      readonly of: Expression;
      readonly least: number;
      readonly most: number;
    }
  | { readonly kind: 'start' | 'end' | 'boundary' | 'inside' }
  | {
      readonly kind: 'look';
      readonly ahead: boolean;
      readonly negated: boolean;
      readonly of: Expression;
    };

export interface ParsedExpression {
  readonly tree: Expression;
  /** Whether a sign is matched by each of them. */
  readonly atoms: readonly RegExp[];
}

/** Longer ones are written by programs. */
const LONGEST = 2000;
/** With its repetitions written out; each sign of a text costs at most so many steps. */
const MOST_STEPS = 2000;
/** What holds at a place has to fit into a number. */
const MOST_LOOKS = 20;
/** What Unicode mode lets a backslash stand before; other ASCII punctuation is itself. */
const NEEDS_NONE = /^[!"#%&',\-:;<=>@_`~ ]$/;
const QUANTIFIER = /^(?:[*+?]|\{(\d+)(,(\d*))?\})\??/;
/** The longest first: two halves of a surrogate pair are one sign. */
const ESCAPE =
  /^\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|u\{[\da-fA-F]+\}|u[\da-fA-F]{4}|x[\da-fA-F]{2}|c[A-Za-z]|[pP]\{[^}]*\}|[^])/u;

/** What is wrong with an expression, in words that fit after a colon. */
export class ExpressionError extends Error {}

/** @throws ExpressionError. */
export function parseExpression(pattern: string, ignoreCase: boolean): ParsedExpression {
  if (pattern.length > LONGEST) throw new ExpressionError(`it is longer than ${LONGEST} signs`);
  const source = withoutNeedlessBackslashes(pattern);
  const flags = ignoreCase ? 'iu' : 'u';
  // JavaScript says what is an expression; the reader below then meets nothing else.
  compile(source, flags);
  const reader = new Reader(source);
  const tree = reader.choice();
  if (reader.at < source.length) throw new ExpressionError('it has a bracket too many');
  if (stepsOf(tree) > MOST_STEPS)
    throw new ExpressionError(
      `it is too large: with its repetitions written out it has more than ${MOST_STEPS} steps`,
    );
  if (reader.looks > MOST_LOOKS)
    throw new ExpressionError(`it looks ahead or behind more than ${MOST_LOOKS} times`);
  return { tree, atoms: reader.atoms.map((atom) => compile(`^(?:${atom})$`, flags)) };
}

function compile(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, flags);
  } catch (error) {
    const said = error instanceof Error ? error.message : '';
    const words = said.split(': ').at(-1) ?? '';
    throw new ExpressionError(words === '' ? 'it cannot be read' : lowerFirst(words));
  }
}

function lowerFirst(words: string): string {
  return words.slice(0, 1).toLowerCase() + words.slice(1);
}

function withoutNeedlessBackslashes(pattern: string): string {
  let out = '';
  let isClass = false;
  for (let at = 0; at < pattern.length; at++) {
    const sign = pattern.charAt(at);
    if (sign !== '\\') {
      if (sign === '[') isClass = true;
      else if (sign === ']') isClass = false;
      out += sign;
      continue;
    }
    const next = pattern.charAt(++at);
    // Inside of a class `\-` means something, and is allowed.
    const isNeedless = NEEDS_NONE.test(next) && !(isClass && next === '-');
    // As its number, so that it is nothing but that sign wherever it stands.
    out += isNeedless ? `\\x${next.charCodeAt(0).toString(16)}` : sign + next;
  }
  return out;
}

class Reader {
  readonly atoms: string[] = [];
  at = 0;
  looks = 0;
  readonly #source: string;
  readonly #known = new Map<string, number>();
  readonly #names = new Set<string>();

  constructor(source: string) {
    this.#source = source;
  }

  /** Alternatives up to a closing bracket or the end. */
  choice(): Expression {
    const of = [this.#sequence()];
    while (this.#take('|')) of.push(this.#sequence());
    const [only] = of;
    return of.length === 1 && only !== undefined ? only : { kind: 'choice', of };
  }

  #sequence(): Expression {
    const of: Expression[] = [];
    while (this.at < this.#source.length && !this.#sees('|') && !this.#sees(')'))
      of.push(this.#repeated(this.#term()));
    return { kind: 'sequence', of };
  }

  #term(): Expression {
    if (this.#take('^')) return { kind: 'start' };
    if (this.#take('$')) return { kind: 'end' };
    if (this.#take('\\b')) return { kind: 'boundary' };
    if (this.#take('\\B')) return { kind: 'inside' };
    if (this.#take('(')) return this.#group();
    if (this.#sees('[')) return this.#atom(this.#classEnd());
    if (this.#sees('\\')) return this.#escape();
    const sign = String.fromCodePoint(this.#source.codePointAt(this.at) ?? 0);
    return this.#atom(this.at + sign.length);
  }

  #group(): Expression {
    const look = LOOKS.find(({ opens }) => this.#take(opens));
    if (look === undefined && !this.#take('?:')) this.#name();
    if (look !== undefined) this.looks++;
    const of = this.choice();
    if (!this.#take(')')) throw new ExpressionError('a group is not closed');
    return look === undefined ? of : { kind: 'look', ahead: look.ahead, negated: look.negated, of };
  }

  /** The name of a group is read over; other groups that begin with `?` are newer than the browsers in use. */
  #name(): void {
    if (!this.#take('?')) return;
    const name = /^<([^>]*)>/.exec(this.#source.slice(this.at));
    if (name === null)
      throw new ExpressionError('a group begins with “(?” and something that is not known here');
    if (this.#names.has(name[1] ?? '')) throw new ExpressionError('two groups have one name');
    this.#names.add(name[1] ?? '');
    this.at += name[0].length;
  }

  #escape(): Expression {
    const rest = this.#source.slice(this.at);
    if (/^\\(?:[1-9]|k)/.test(rest))
      throw new ExpressionError(
        'back references (\\1, \\k<name>) are not taken, since they can take for ever',
      );
    const escape = ESCAPE.exec(rest);
    if (escape === null) throw new ExpressionError('it ends with a backslash');
    return this.#atom(this.at + escape[0].length);
  }

  /** Where a class in square brackets ends. */
  #classEnd(): number {
    for (let at = this.at + 1; at < this.#source.length; at++) {
      if (this.#source[at] === '\\') at++;
      else if (this.#source[at] === ']') return at + 1;
    }
    throw new ExpressionError('a class is not closed');
  }

  #atom(end: number): Expression {
    const source = this.#source.slice(this.at, end);
    this.at = end;
    const atom = this.#known.get(source) ?? this.atoms.push(source) - 1;
    this.#known.set(source, atom);
    return { kind: 'sign', atom };
  }

  #repeated(of: Expression): Expression {
    const found = QUANTIFIER.exec(this.#source.slice(this.at));
    if (found === null) return of;
    this.at += found[0].length;
    const [whole, least, range, most] = found;
    if (whole.startsWith('*')) return { kind: 'repeat', of, least: 0, most: Infinity };
    if (whole.startsWith('+')) return { kind: 'repeat', of, least: 1, most: Infinity };
    if (whole.startsWith('?')) return { kind: 'repeat', of, least: 0, most: 1 };
    const from = Number(least);
    const to = range === undefined ? from : most === '' ? Infinity : Number(most);
    return { kind: 'repeat', of, least: from, most: to };
  }

  #sees(sign: string): boolean {
    return this.#source.startsWith(sign, this.at);
  }

  #take(sign: string): boolean {
    if (!this.#sees(sign)) return false;
    this.at += sign.length;
    return true;
  }
}

const LOOKS = [
  { opens: '?=', ahead: true, negated: false },
  { opens: '?!', ahead: true, negated: true },
  { opens: '?<=', ahead: false, negated: false },
  { opens: '?<!', ahead: false, negated: true },
] as const;

/** How many steps it takes written out; Infinity is possible, and what is looked for counts where it stands. */
export function stepsOf(node: Expression): number {
  switch (node.kind) {
    case 'sequence':
      return node.of.reduce((sum, one) => sum + stepsOf(one), 0);
    case 'choice':
      return node.of.reduce((sum, one) => sum + stepsOf(one) + 1, 0);
    case 'repeat': {
      const own = stepsOf(node.of);
      if (own === 0) return 0;
      const copies = node.most === Infinity ? node.least + 1 : node.most;
      return copies * (own + 1);
    }
    case 'look':
      return 1 + stepsOf(node.of);
    default:
      return 1;
  }
}
