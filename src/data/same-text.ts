/**
 * Which texts are the same, exactly or nearly. The key of a text is its normal form; keys are hashed and
 * compared only where hashes meet, so that a million texts need no second copy of themselves.
 */
import type { LabelledTexts } from './types';

/** Written without effect on what is read: zero-width space, word joiner, byte order mark, soft hyphen. */
const INVISIBLE = /[\u00ad\u200b\u2060\ufeff]/g;
const BREAKS = /[\p{White_Space}\p{P}\p{Cc}]+/gu;

/**
 * NFKC, case folded, runs of white space and punctuation as one space, trimmed. A text of nothing but
 * punctuation stays as it is (NFKC, without white space), so that “?” and “!” are two texts.
 */
export function normalText(text: string): string {
  const plain = text.normalize('NFKC').replace(INVISIBLE, '');
  // Upper and then lower case is Unicode's folding but for a few letters: “ß” and “ss” are one.
  const folded = plain.toUpperCase().toLowerCase().normalize('NFKC').replaceAll('ς', 'σ');
  const key = folded.replace(BREAKS, ' ').trim();
  return key === '' ? plain.replace(/\s+/g, '') : key;
}

/** What an ASCII character becomes in `normalText`: itself, a lower-case letter, or 0 for a break. */
const ASCII = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  return /[\s\p{P}\p{Cc}]/u.test(character) ? 0 : character.toLowerCase().charCodeAt(0);
});

/** A 64-bit hash in two halves (cyrb53's mixing: bryc, public domain), fed a UTF-16 unit at a time. */
class UnitHash {
  high = 0;
  low = 0;
  reset(): void {
    this.high = 0xdeadbeef;
    this.low = 0x41c6ce57;
  }

  /** A normal text, or what is made of this ASCII text without making it. */
  addNormal(text: string): void {
    // Locals: fields would cost three times as much, over hundreds of millions of signs.
    let high = this.high;
    let low = this.low;
    let pending = false;
    let any = false;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) {
        this.addUnits(normalText(text));
        return;
      }
      const unit = ASCII[code] ?? 0;
      if (unit === 0) {
        pending = any;
        continue;
      }
      if (pending) {
        high = Math.imul(high ^ 32, 2654435761);
        low = Math.imul(low ^ 32, 1597334677);
        pending = false;
      }
      high = Math.imul(high ^ unit, 2654435761);
      low = Math.imul(low ^ unit, 1597334677);
      any = true;
    }
    if (!any) {
      this.addUnits(normalText(text));
      return;
    }
    this.high = high;
    this.low = low;
  }

  addUnits(text: string): void {
    let { high, low } = this;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      high = Math.imul(high ^ unit, 2654435761);
      low = Math.imul(low ^ unit, 1597334677);
    }
    this.high = high;
    this.low = low;
  }

  finish(): void {
    const { high, low } = this;
    this.high =
      Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
    this.low =
      Math.imul(low ^ (low >>> 16), 2246822507) ^
      Math.imul(this.high ^ (this.high >>> 13), 3266489909);
  }
}

/** Rows in groups: group of each row, numbered by first appearance, and the rows of each group. */
export class RowGroups {
  /** Group of each row `[rows]`. */
  readonly of: Int32Array;
  readonly count: number;
  readonly #starts: Int32Array;
  readonly #rows: Int32Array;

  /** @param of group of each row, 0 to `count` - 1, every one of them in use. */
  constructor(of: Int32Array, count: number) {
    this.of = of;
    this.count = count;
    const starts = new Int32Array(count + 1);
    for (const group of of) starts[group + 1] = (starts[group + 1] ?? 0) + 1;
    for (let group = 0; group < count; group++) {
      starts[group + 1] = (starts[group + 1] ?? 0) + (starts[group] ?? 0);
    }
    const next = starts.slice(0, count);
    const rows = new Int32Array(of.length);
    of.forEach((group, row) => {
      const at = next[group] ?? 0;
      rows[at] = row;
      next[group] = at + 1;
    });
    this.#starts = starts;
    this.#rows = rows;
  }

  size(group: number): number {
    return (this.#starts[group + 1] ?? 0) - (this.#starts[group] ?? 0);
  }

  /** The first row of a group. */
  first(group: number): number {
    return this.#rows[this.#starts[group] ?? 0] ?? 0;
  }

  /** Rows of a group, ascending; a view. */
  rows(group: number): Int32Array {
    return this.#rows.subarray(this.#starts[group] ?? 0, this.#starts[group + 1] ?? 0);
  }
}

/** How two texts are the same: `normal` by `normalText`, `exact` but for white space at the ends. */
export type Sameness = 'normal' | 'exact';

/** Split, audit and repairs ask for the same groups one after the other. */
const known = new WeakMap<
  readonly string[],
  { pairs: readonly string[] | null; groups: RowGroups }
>();

/** The rows that hold one text (for pairs: both texts) are one group. */
export function groupTexts(
  data: Pick<LabelledTexts, 'texts' | 'pairs'>,
  sameness: Sameness = 'normal',
): RowGroups {
  if (sameness === 'exact') return group(data, sameness);
  const before = known.get(data.texts);
  if (before?.pairs === data.pairs) return before.groups;
  const groups = group(data, sameness);
  known.set(data.texts, { pairs: data.pairs, groups });
  return groups;
}

function group(data: Pick<LabelledTexts, 'texts' | 'pairs'>, sameness: Sameness): RowGroups {
  const { texts, pairs } = data;
  const rows = texts.length;
  const form = sameness === 'normal' ? normalText : (text: string): string => text.trim();
  const keyOf = (row: number): string =>
    pairs === null
      ? form(texts[row] ?? '')
      : `${form(texts[row] ?? '')}\0${form(pairs[row] ?? '')}`;
  const hash = new UnitHash();
  const addText = (text: string): void => {
    if (sameness === 'normal') hash.addNormal(text);
    else hash.addUnits(text.trim());
  };
  let slots = 16;
  while (slots < rows * 2) slots *= 2;
  const table = new Int32Array(slots).fill(-1);
  const firstRow = new Int32Array(rows);
  const lows = new Int32Array(rows);
  const of = new Int32Array(rows);
  let count = 0;
  for (let row = 0; row < rows; row++) {
    hash.reset();
    addText(texts[row] ?? '');
    if (pairs !== null) {
      hash.addUnits('\0');
      addText(pairs[row] ?? '');
    }
    hash.finish();
    let slot = hash.high & (slots - 1);
    for (;;) {
      const group = table[slot] ?? -1;
      if (group < 0) {
        table[slot] = count;
        firstRow[count] = row;
        lows[count] = hash.low;
        of[row] = count++;
        break;
      }
      const first = firstRow[group] ?? 0;
      if (lows[group] === hash.low && sameKey(keyOf, texts, pairs, first, row)) {
        of[row] = group;
        break;
      }
      slot = (slot + 1) & (slots - 1);
    }
  }
  return new RowGroups(of, count);
}

function sameKey(
  keyOf: (row: number) => string,
  texts: readonly string[],
  pairs: readonly string[] | null,
  a: number,
  b: number,
): boolean {
  if (texts[a] === texts[b] && (pairs === null || pairs[a] === pairs[b])) return true;
  return keyOf(a) === keyOf(b);
}

/** Groups such that rows joined by either of two groupings stand in one (connected parts). */
export function joinGroups(a: RowGroups, b: Int32Array): RowGroups {
  const parent = Int32Array.from({ length: a.count }, (_, group) => group);
  const find = (start: number): number => {
    let group = start;
    while (parent[group] !== group) {
      parent[group] = parent[parent[group] ?? 0] ?? 0;
      group = parent[group] ?? 0;
    }
    return group;
  };
  const seen = new Map<number, number>();
  b.forEach((other, row) => {
    if (other < 0) return;
    const mine = find(a.of[row] ?? 0);
    const before = seen.get(other);
    if (before === undefined) seen.set(other, mine);
    else {
      const root = find(before);
      parent[Math.max(root, mine)] = Math.min(root, mine);
    }
  });
  const numbers = new Map<number, number>();
  const of = a.of.map((group) => {
    const root = find(group);
    let number = numbers.get(root);
    if (number === undefined) numbers.set(root, (number = numbers.size));
    return number;
  });
  return new RowGroups(of, numbers.size);
}
