/** From tables and two chosen columns to texts with one label each, and what there is to say of them. */
import { HeadlightError } from '../base';
import { wordCount } from './columns';
import { isNumber } from './header';
import { dominantTag, tagWords } from './tags';
import type { LabelledTexts, RowOrigin, Table } from './types';

/**
 * Texts as they stand in the file, labels trimmed. Rows without a text or a label are left out and counted.
 * @param pairColumn the second texts; null for single texts. Rows without one are left out too.
 * @throws HeadlightError `bad-setting` when a table lacks a column; `bad-labels` when there are fewer than
 *   two classes, or so many that the column is hardly one of labels.
 */
export function labelTexts(
  tables: readonly Table[],
  textColumn: string,
  labelColumn: string,
  pairColumn: string | null = null,
): LabelledTexts {
  const texts: string[] = [];
  const pairs: string[] = [];
  const labels: string[] = [];
  const origin: RowOrigin[] = [];
  let noText = 0;
  let noPair = 0;
  let noLabel = 0;
  for (const table of tables) {
    const textCells = cellsOf(table, textColumn);
    const labelCells = cellsOf(table, labelColumn);
    const pairCells = pairColumn === null ? null : cellsOf(table, pairColumn);
    for (let row = 0; row < table.rowCount; row++) {
      const text = textCells[row] ?? '';
      const label = (labelCells[row] ?? '').trim();
      const pair = pairCells?.[row] ?? '';
      if (text.trim() === '') noText++;
      else if (pairCells !== null && pair.trim() === '') noPair++;
      else if (label === '') noLabel++;
      else {
        texts.push(text);
        pairs.push(pair);
        labels.push(label);
        origin.push({ file: table.name, row, line: table.lines[row] ?? 0 });
      }
    }
  }
  const classes = sortClasses(new Set(labels));
  checkClasses(classes, texts.length, labelColumn);
  const indexOf = new Map(classes.map((label, index) => [label, index]));
  return {
    texts,
    pairs: pairColumn === null ? null : pairs,
    labels: Int32Array.from(labels, (label) => indexOf.get(label) ?? -1),
    tags: null,
    classes,
    origin,
    leftOut: [
      { reason: 'no text', rows: noText },
      { reason: 'no second text', rows: noPair },
      { reason: 'no label', rows: noLabel },
    ].filter(({ rows }) => rows > 0),
  };
}

/**
 * Sentences of words with a tag each, from tables of CoNLL files (or others of the same shape).
 * @throws HeadlightError `bad-setting` when a table lacks a column; `bad-labels` naming the line of a row with
 *   more or fewer tags than words, or when every word has the same tag.
 */
export function labelSentences(
  tables: readonly Table[],
  wordsColumn: string,
  tagsColumn: string,
): LabelledTexts {
  const texts: string[] = [];
  const found: string[][] = [];
  const origin: RowOrigin[] = [];
  let empty = 0;
  for (const table of tables) {
    const wordCells = cellsOf(table, wordsColumn);
    const tagCells = cellsOf(table, tagsColumn);
    for (let row = 0; row < table.rowCount; row++) {
      const text = wordCells[row] ?? '';
      const line = table.lines[row] ?? 0;
      if (text.trim() === '') {
        empty++;
        continue;
      }
      const tags = tagWords(tagCells[row] ?? '');
      const words = tagWords(text).length;
      if (tags.length !== words) {
        throw new HeadlightError(
          'bad-labels',
          `${table.name}, line ${line}: ${words} words, but ${tags.length} tags.`,
          { hint: 'Give every word a tag, divided by single spaces.' },
        );
      }
      texts.push(text);
      found.push(tags);
      origin.push({ file: table.name, row, line });
    }
  }
  const classes = sortClasses(new Set(found.flat()));
  if (classes.length < 2) {
    throw new HeadlightError('bad-labels', `Every word has the same tag, “${classes[0] ?? ''}”.`, {
      hint: 'Give a file with words inside and outside of entities.',
    });
  }
  const indexOf = new Map(classes.map((tag, index) => [tag, index]));
  const tags = found.map((row) => Int32Array.from(row, (tag) => indexOf.get(tag) ?? -1));
  return {
    texts,
    pairs: null,
    labels: Int32Array.from(tags, (row) => dominantTag(row, classes)),
    tags,
    classes,
    origin,
    leftOut: empty === 0 ? [] : [{ reason: 'no text', rows: empty }],
  };
}

/** @throws HeadlightError `bad-setting` naming the columns that there are. */
export function cellsOf(table: Table, name: string): readonly string[] {
  const column = table.columns.find((candidate) => candidate.name === name);
  if (column !== undefined) return column.cells;
  const names = table.columns.slice(0, 10).map((candidate) => `“${candidate.name}”`);
  throw new HeadlightError('bad-setting', `${table.name} has no column “${name}”.`, {
    hint: `Its columns are ${names.join(', ')}${table.columns.length > 10 ? ', …' : ''}.`,
  });
}

function checkClasses(classes: readonly string[], rows: number, column: string): void {
  if (rows === 0) {
    throw new HeadlightError('bad-labels', `No row has both a text and a label in “${column}”.`, {
      hint: 'Choose the column that holds the labels.',
    });
  }
  if (classes.length < 2) {
    throw new HeadlightError('bad-labels', `Every row has the same label, “${classes[0] ?? ''}”.`, {
      hint: 'A classifier needs at least two classes. Choose another column, or add rows of other classes.',
    });
  }
  if (classes.length > 2 && classes.length > rows / 2) {
    throw new HeadlightError(
      'bad-labels',
      `“${column}” has ${classes.length} different values in ${rows} rows, so it is probably not a column of labels.`,
      { hint: 'Choose a column whose few values come again and again.' },
    );
  }
}

/** As `np.unique`: numerically when all are numbers, else by code point (UTF-16 order differs there). */
export function sortClasses(labels: Iterable<string>): string[] {
  const classes = [...labels];
  const numeric = classes.every((label) => isNumber(label) && Number.isFinite(Number(label)));
  return classes.sort((a, b) =>
    numeric ? Number(a) - Number(b) || compareCodePoints(a, b) : compareCodePoints(a, b),
  );
}

function compareCodePoints(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const surrogateX = x >= 0xd800 && x < 0xe000;
    const surrogateY = y >= 0xd800 && y < 0xe000;
    if (surrogateX !== surrogateY) return surrogateX ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

/** Rows a class `[classes]`; of the given rows, or of all. */
export function classCounts(data: LabelledTexts, indices?: Int32Array): Int32Array {
  const counts = new Int32Array(data.classes.length);
  const count = (label: number): void => {
    counts[label] = (counts[label] ?? 0) + 1;
  };
  if (indices === undefined) data.labels.forEach(count);
  else for (const index of indices) count(data.labels[index] ?? -1);
  return counts;
}

export interface TextLengths {
  readonly texts: number;
  readonly meanWords: number;
  /** In characters (UTF-16 units). */
  readonly mean: number;
  readonly median: number;
  readonly percentile95: number;
  readonly longest: number;
}

export function textLengths(texts: readonly string[]): TextLengths {
  const lengths = Float64Array.from(texts, (text) => text.length).sort();
  const at = (share: number): number => lengths[Math.floor(share * (lengths.length - 1))] ?? 0;
  const rows = Math.max(1, texts.length);
  return {
    texts: texts.length,
    meanWords: texts.reduce((sum, text) => sum + wordCount(text), 0) / rows,
    mean: lengths.reduce((sum, length) => sum + length, 0) / rows,
    median: at(0.5),
    percentile95: at(0.95),
    longest: at(1),
  };
}
