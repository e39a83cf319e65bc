/** Which column holds the texts, and whether there is a second text to each. */
import { LABEL_NAMES, TEXT_NAMES, normalName } from '../header';
import type { Finding } from '../types';
import { isAside, ranked, type Traits } from './traits';

export function findTexts(all: readonly Traits[]): {
  texts: Traits[];
  pair: [Traits, Traits] | null;
} {
  const texts = ranked(all, textScore);
  return { texts, pair: findPair(texts) };
}

function textScore(column: Traits): number {
  if (column.filled === 0 || column.numeric > 0.5) return 0;
  const name = normalName(column.name);
  const distinct = column.distinct / column.filled;
  const named = TEXT_NAMES.has(name) ? 2 : 1;
  // Identifiers and addresses are long and all different, but are one word each.
  const prose = 0.1 + 0.9 * column.spaced;
  const aside = isAside(name) || LABEL_NAMES.has(name) ? 0.3 : 1;
  if (column.spaced < 0.3 && named === 1 && distinct < 0.5) return 0;
  if (column.spaced < 0.05 && aside < 1) return 0;
  return Math.min(column.meanLength, 400) * (0.1 + 0.9 * distinct) * named * prose * aside;
}

/** Names of a first and a second text, as data sets of pairs have them. */
const PAIRS: readonly (readonly [string, string])[] = [
  ['premise', 'hypothesis'],
  ['question', 'passage'],
  ['question', 'sentence'],
  ['question', 'answer'],
  ['query', 'document'],
  ['query', 'passage'],
  ['query', 'title'],
  ['query', 'answer'],
  ['context', 'question'],
  ['headline', 'body'],
  ['claim', 'evidence'],
  ['text', 'hypothesis'],
  ['prämisse', 'hypothese'],
  ['前提', '仮説'],
  ['前提', '假设'],
];
/** `sentence1` and `sentence2`, `text_a` and `text_b`, `title left` and `title right`. */
const NUMBERED = /^(.*?)[_ ]?(1|2|a|b|first|second|left|right)$/;
const SECOND: Readonly<Record<string, string>> = {
  '1': '2',
  a: 'b',
  first: 'second',
  left: 'right',
};

function findPair(texts: readonly Traits[]): [Traits, Traits] | null {
  const proses = texts.filter((column) => column.spaced >= 0.3 && column.meanWords >= 2);
  const byName = new Map(proses.map((column) => [normalName(column.name), column]));
  for (const [first, second] of PAIRS) {
    const a = byName.get(first);
    const b = byName.get(second);
    if (a !== undefined && b !== undefined) return [a, b];
  }
  const numbered = new Map(
    proses.flatMap((column) => {
      const [, stem = '', mark = ''] = NUMBERED.exec(normalName(column.name)) ?? [];
      return stem === '' ? [] : [[`${mark} ${stem}`, column] as const];
    }),
  );
  // A column that is called text is not left aside for two that are `c1` and `c2`.
  const isNamed = TEXT_NAMES.has(normalName(texts[0]?.name ?? ''));
  for (const [key, column] of numbered) {
    const [mark = '', stem = ''] = key.split(/ (.*)/s);
    const wanted = SECOND[mark];
    const second = wanted === undefined ? undefined : numbered.get(`${wanted} ${stem}`);
    if (second === undefined) continue;
    if (!isNamed || TEXT_NAMES.has(stem) || texts[0] === column || texts[0] === second)
      return [column, second];
  }
  // Without names: two columns of prose that look alike, beside each other.
  const [one, two] = [...proses].sort((a, b) => a.index - b.index);
  if (one === undefined || two === undefined || proses.length !== 2) return null;
  const unnamed = [one, two].every(({ name }) => /^column \d+$/.test(name));
  const alike =
    Math.max(one.meanLength, two.meanLength) < 3 * Math.min(one.meanLength, two.meanLength);
  const varied = [one, two].every((column) => column.distinct > 0.2 * column.filled);
  const prose = [one, two].every((column) => column.spaced > 0.8);
  return unnamed && alike && varied && prose && two.index === one.index + 1 ? [one, two] : null;
}

export function textReason(column: Traits, all: readonly Traits[]): string {
  const words = Math.round(column.meanWords);
  const longest = all.every((other) => other === column || other.meanLength <= column.meanLength);
  const named = TEXT_NAMES.has(normalName(column.name)) ? ', name says text' : '';
  return `${longest ? 'longest texts' : 'texts'}, ${words} ${words === 1 ? 'word' : 'words'} on average, ${different(column)}${named}`;
}

export function different(column: Traits): string {
  if (column.distinct === column.filled) return 'all different';
  const share = column.distinct / Math.max(1, column.filled);
  if (share > 0.9) return 'nearly all different';
  return `${Math.round(100 * share)} % of them different`;
}

export function pairFinding([first, second]: [Traits, Traits], all: readonly Traits[]): Finding {
  return {
    column: second.name,
    reason: `a second text to each “${first.name}”: ${textReason(second, all)}`,
  };
}
