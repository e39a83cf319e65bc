/** Which column holds the texts and which the labels, with the reason; the person can choose otherwise. */
import { LABEL_NAMES, TEXT_NAMES, isNumber, normalName } from './header';
import type { ColumnFindings, ColumnProfile, Finding, Table } from './types';

interface Traits extends ColumnProfile {
  readonly index: number;
  readonly filled: number;
  readonly meanWords: number;
  /** Rows a value, most frequent first. */
  readonly counts: readonly number[];
  /** Shares of the filled cells. */
  readonly numeric: number;
  readonly fractional: number;
  readonly spaced: number;
  readonly partName: boolean;
}

const ASIDE =
  /^(id|.*_id|idx|index|uid|uuid|guid|key|date|datetime|time|timestamp|created.*|author|user|username|source|origin|dataset|split|fold|lang|language|url|link|email|row|nr|no)$/;
const PART_NAMES = new Set([
  'train',
  'training',
  'test',
  'dev',
  'val',
  'valid',
  'validation',
  'holdout',
]);
/** Scripts written without spaces: about two characters a word. */
const UNSPACED =
  /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]/g;
const WORDS_LOOKED_AT = 2000;

/**
 * Looks at all tables together: a column counts when every table has it (a column of the first table
 * otherwise). `text` or `label` is null when no column looks like one.
 */
export function findColumns(tables: readonly Table[]): ColumnFindings {
  const first = tables[0];
  if (first === undefined) return { text: null, label: null, columns: [] };
  const shared = first.columns.filter(({ name }) =>
    tables.every((table) => table.columns.some((column) => column.name === name)),
  );
  const names = (shared.length > 0 ? shared : first.columns).map(({ name }) => name);
  const traits = names.map((name, index) => {
    const parts = tables.flatMap((table) => table.columns.filter((column) => column.name === name));
    return traitsOf(
      name,
      index,
      parts.map(({ cells }) => cells),
    );
  });
  const text = best(traits, textScore);
  const label = best(
    traits.filter((column) => column !== text),
    labelScore,
  );
  return {
    text: text === null ? null : textFinding(text, traits),
    label: label === null ? null : labelFinding(label),
    columns: traits.map(({ name, distinct, empty, meanLength, examples }) => ({
      name,
      distinct,
      empty,
      meanLength,
      examples,
    })),
  };
}

function best(columns: readonly Traits[], score: (column: Traits) => number): Traits | null {
  let found: Traits | null = null;
  let most = 0;
  for (const column of columns) {
    const value = score(column);
    if (value > most) [found, most] = [column, value];
  }
  return found;
}

function traitsOf(name: string, index: number, parts: readonly (readonly string[])[]): Traits {
  const counts = new Map<string, number>();
  let empty = 0;
  let characters = 0;
  let filled = 0;
  let numeric = 0;
  let fractional = 0;
  let spaced = 0;
  let words = 0;
  let looked = 0;
  for (const cells of parts) {
    for (const cell of cells) {
      const value = cell.trim();
      if (value === '') {
        empty++;
        continue;
      }
      filled++;
      characters += cell.length;
      counts.set(value, (counts.get(value) ?? 0) + 1);
      if (value.length < 30 && isNumber(value)) {
        numeric++;
        if (/[.,]/.test(value)) fractional++;
      }
      if (looked < WORDS_LOOKED_AT) {
        looked++;
        const count = wordCount(value);
        words += count;
        if (count > 1) spaced++;
      }
    }
  }
  const examples: string[] = [];
  for (const value of counts.keys()) {
    examples.push(value);
    if (examples.length === 3) break;
  }
  const share = (count: number, of: number): number => (of === 0 ? 0 : count / of);
  return {
    name,
    index,
    distinct: counts.size,
    empty,
    meanLength: share(characters, filled),
    examples,
    filled,
    meanWords: share(words, looked),
    counts: [...counts.values()].sort((a, b) => b - a),
    numeric: share(numeric, filled),
    fractional: share(fractional, filled),
    spaced: share(spaced, looked),
    partName: [...counts.keys()].slice(0, 10).every((value) => PART_NAMES.has(value.toLowerCase())),
  };
}

/** Words between spaces; scripts without spaces count two characters a word. */
export function wordCount(text: string): number {
  const unspaced = text.match(UNSPACED)?.length ?? 0;
  const rest = unspaced === 0 ? text : text.replace(UNSPACED, ' ');
  return (rest.match(/\S+/g)?.length ?? 0) + Math.ceil(unspaced / 2);
}

function textScore(column: Traits): number {
  if (column.filled === 0 || column.numeric > 0.5) return 0;
  const name = normalName(column.name);
  const distinct = column.distinct / column.filled;
  const named = TEXT_NAMES.has(name) ? 2 : 1;
  // Identifiers and addresses are long and all different, but are one word each.
  const prose = 0.1 + 0.9 * column.spaced;
  const aside = ASIDE.test(name) || LABEL_NAMES.has(name) ? 0.3 : 1;
  if (column.spaced < 0.3 && named === 1 && distinct < 0.5) return 0;
  if (column.spaced < 0.05 && aside < 1) return 0;
  return Math.min(column.meanLength, 400) * (0.1 + 0.9 * distinct) * named * prose * aside;
}

function labelScore(column: Traits): number {
  const { counts, filled, distinct } = column;
  if (distinct < 2 || distinct > Math.max(2, filled / 2)) return 0;
  const name = normalName(column.name);
  const least = counts[counts.length - 1] ?? 0;
  let entropy = 0;
  for (const count of counts) entropy -= (count / filled) * Math.log(count / filled);
  let score = 0.5 + entropy / Math.log(distinct);
  if (LABEL_NAMES.has(name)) score += 3;
  if (least >= 0.01 * filled) score += 1;
  if (distinct <= 20) score += 1;
  else if (distinct <= 100) score += 0.5;
  if (column.fractional > 0.5 || (column.numeric > 0.9 && distinct > 30)) score -= 3;
  if (ASIDE.test(name)) score -= 2;
  if (column.partName) score -= 3;
  if (column.meanLength > 40) score -= 2;
  if (filled / distinct < 5 && filled >= 40) score -= 2;
  score -= (2 * column.empty) / (filled + column.empty);
  // Of two alike the first: `toxic` before the finer kinds of it.
  return score - 0.01 * column.index;
}

function textFinding(column: Traits, all: readonly Traits[]): Finding {
  const words = Math.round(column.meanWords);
  const share = column.distinct / column.filled;
  const different =
    share > 0.999
      ? 'all different'
      : share > 0.9
        ? 'nearly all different'
        : `${Math.round(100 * share)} % of them different`;
  const longest = all.every((other) => other === column || other.meanLength <= column.meanLength);
  const named = TEXT_NAMES.has(normalName(column.name)) ? ', name says text' : '';
  return {
    column: column.name,
    reason: `${longest ? 'longest texts' : 'texts'}, ${words} ${words === 1 ? 'word' : 'words'} on average, ${different}${named}`,
  };
}

function labelFinding(column: Traits): Finding {
  const least = column.counts[column.counts.length - 1] ?? 0;
  const each =
    least >= 0.01 * column.filled
      ? 'each in at least 1 % of the rows'
      : `${Math.round(column.filled / column.distinct)} rows each on average`;
  const named = LABEL_NAMES.has(normalName(column.name)) ? ', name says label' : '';
  return { column: column.name, reason: `${column.distinct} different values, ${each}${named}` };
}
