/** What a column looks like: counted over all of its cells, read once, kept as counts. */
import { isNumber } from '../header';
import type { Cells, ColumnProfile, Table } from '../types';
import { ValueCounter } from './counter';

export interface Traits extends ColumnProfile {
  readonly index: number;
  readonly filled: number;
  readonly meanWords: number;
  /** Rows a value, most frequent first. */
  readonly counts: Int32Array;
  /** The first different values, trimmed, with their rows; all of them when `complete`. */
  readonly values: ReadonlyMap<string, number>;
  readonly complete: boolean;
  /** Shares of the filled cells. */
  readonly numeric: number;
  readonly whole: number;
  readonly fractional: number;
  /** Share of the cells looked at that have more than one word. */
  readonly spaced: number;
  readonly cells: readonly Cells[];
}

/** Scripts written without spaces: about two characters a word. */
const UNSPACED =
  /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]/g;
const LOOKED_AT = 2000;
const WHOLE = /^[+-]?\d+$/;

/** Words between spaces; scripts without spaces count two characters a word. */
export function wordCount(text: string): number {
  const unspaced = text.match(UNSPACED)?.length ?? 0;
  const rest = unspaced === 0 ? text : text.replace(UNSPACED, ' ');
  return (rest.match(/\S+/g)?.length ?? 0) + Math.ceil(unspaced / 2);
}

/** Of each column that all tables have (of the first table, when they share none). */
export function allTraits(tables: readonly Table[]): Traits[] {
  const first = tables[0];
  if (first === undefined) return [];
  const places = tables.map(
    (table) => new Map(table.columns.map((column) => [column.name, column.cells])),
  );
  const shared = first.columns.filter(({ name }) => places.every((columns) => columns.has(name)));
  const names = (shared.length > 0 ? shared : first.columns).map(({ name }) => name);
  return names.map((name, index) => {
    const parts: Cells[] = [];
    for (const columns of places) {
      const cells = columns.get(name);
      if (cells !== undefined) parts.push(cells);
    }
    return traitsOf(name, index, parts);
  });
}

function traitsOf(name: string, index: number, parts: readonly Cells[]): Traits {
  const counter = new ValueCounter();
  const rows = parts.reduce((sum, cells) => sum + cells.length, 0);
  // Words are counted in cells from everywhere in the file, which may be sorted.
  const stride = Math.max(1, Math.floor(rows / LOOKED_AT));
  let row = 0;
  let empty = 0;
  let characters = 0;
  let numeric = 0;
  let whole = 0;
  let fractional = 0;
  let spaced = 0;
  let words = 0;
  let looked = 0;
  for (const cells of parts) {
    for (const cell of cells) {
      const value = cell.trim();
      const look = row++ % stride === 0;
      if (value === '') {
        empty++;
        continue;
      }
      characters += cell.length;
      counter.add(value);
      if (value.length < 30 && isNumber(value)) {
        numeric++;
        if (WHOLE.test(value)) whole++;
        else if (/[.,]/.test(value)) fractional++;
      }
      if (look) {
        looked++;
        const count = wordCount(value);
        words += count;
        if (count > 1) spaced++;
      }
    }
  }
  const filled = rows - empty;
  const kept = counter.kept();
  const share = (count: number, of: number): number => (of === 0 ? 0 : count / of);
  return {
    name,
    index,
    distinct: counter.distinct,
    empty,
    meanLength: share(characters, filled),
    examples: [...kept.keys()].slice(0, 3),
    filled,
    meanWords: share(words, looked),
    counts: counter.sorted(),
    values: kept,
    complete: kept.size === counter.distinct,
    numeric: share(numeric, filled),
    whole: share(whole, filled),
    fractional: share(fractional, filled),
    spaced: share(spaced, looked),
    cells: parts,
  };
}

/** Column names of things that are neither text nor label. */
const ASIDE = new RegExp(
  '^(id|.*_id|idx|index|uid|uuid|guid|key|date|datetime|time|timestamp|created.*|author|user|username|' +
    'source|origin|dataset|split|fold|partition|lang|language|url|link|email|row|nr|no|nummer|número|numero|' +
    'datum|fecha|data|дата|номер|编号|序号|日期|番号|日付|번호|날짜|المعرف|التاريخ)$',
);
export function isAside(name: string): boolean {
  return ASIDE.test(name);
}

export function best(columns: readonly Traits[], score: (column: Traits) => number): Traits | null {
  return ranked(columns, score)[0] ?? null;
}

/** Those with a score above 0, best first, of equals the first in the file. */
export function ranked(columns: readonly Traits[], score: (column: Traits) => number): Traits[] {
  return columns
    .map((column) => ({ column, value: score(column) }))
    .filter(({ value }) => value > 0)
    .sort((a, b) => b.value - a.value || a.column.index - b.column.index)
    .map(({ column }) => column);
}
