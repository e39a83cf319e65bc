/** From tables and two chosen columns to texts with one label each, and what there is to say of them. */
import { HeadlightError } from '../base';
import { wordCount } from './columns';
import { dominantTag, tagWords } from './tags';
import { sortClasses } from './label-classes';
import { cellsOf, labelReader } from './label-reader';
import type { LabelChoice, LabelledTexts, RowOrigin, Table } from './types';

export { classCounts, selectRows, sortClasses, strata } from './label-classes';
export { cellsOf } from './label-reader';

export interface LabelOptions {
  /** A column whose equal values belong together; the groups of the rows. */
  readonly groups?: string | null;
}

/**
 * Texts as they stand in the file, labels trimmed. Rows without a text or a label are left out and counted.
 * With several labels a row, `targets` holds them and `labels` the stratum of the row: the rarest of its
 * labels, or `classes.length` for a row with none.
 * @param label the column of labels, or how several labels stand in a row. Of several columns each must hold
 *   0 or 1 (yes or no); a delimited cell may be `[]` for no label, an empty one leaves the row out.
 * @param pairColumn the second texts; null for single texts. Rows without one are left out too.
 * @throws HeadlightError `bad-setting` when a table lacks a column; `bad-labels` when there are fewer than
 *   two classes, or so many that the column is hardly one of labels.
 */
export function labelTexts(
  tables: readonly Table[],
  textColumn: string,
  label: string | LabelChoice,
  pairColumn: string | null = null,
  { groups: groupColumn = null }: LabelOptions = {},
): LabelledTexts {
  const choice: LabelChoice = typeof label === 'string' ? { kind: 'column', column: label } : label;
  const texts: string[] = [];
  const pairs: string[] = [];
  const origin: RowOrigin[] = [];
  const groups: number[] = [];
  const groupNumbers = new Map<string, number>();
  const reader = labelReader(choice);
  const leftOut = new Map<string, number>();
  const leave = (reason: string): void => {
    leftOut.set(reason, (leftOut.get(reason) ?? 0) + 1);
  };
  for (const table of tables) {
    const textCells = cellsOf(table, textColumn);
    const readLabels = reader.of(table);
    const pairCells = pairColumn === null ? null : cellsOf(table, pairColumn);
    const groupCells = groupColumn === null ? null : cellsOf(table, groupColumn);
    for (let row = 0; row < table.rowCount; row++) {
      const text = textCells.at(row) ?? '';
      if (text.trim() === '') {
        leave('no text');
        continue;
      }
      const pair = pairCells?.at(row) ?? '';
      if (pairCells !== null && pair.trim() === '') {
        leave('no second text');
        continue;
      }
      const problem = readLabels(row);
      if (problem !== null) {
        leave(problem);
        continue;
      }
      texts.push(text);
      if (pairCells !== null) pairs.push(pair);
      origin.push({ file: table.name, row, line: table.lines[row] ?? 0 });
      if (groupCells === null) continue;
      const group = (groupCells.at(row) ?? '').trim();
      // Rows without a value belong to nothing.
      if (group === '') groups.push(-1);
      else {
        const number = groupNumbers.get(group) ?? groupNumbers.size;
        groupNumbers.set(group, number);
        groups.push(number);
      }
    }
  }
  const { classes, labels, targets } = reader.finish(texts.length);
  return {
    texts,
    pairs: pairColumn === null ? null : pairs,
    labels,
    tags: null,
    targets,
    groups: groupColumn === null ? null : Int32Array.from(groups),
    classes,
    origin,
    leftOut: REASONS.flatMap((reason) => {
      const rows = leftOut.get(reason) ?? 0;
      return rows > 0 ? [{ reason, rows }] : [];
    }),
  };
}

const REASONS = [
  'no text',
  'no second text',
  'no label',
  'a label that is neither 0 nor 1',
  'not exactly one label column with a 1',
];

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
      const text = wordCells.at(row) ?? '';
      const line = table.lines[row] ?? 0;
      if (text.trim() === '') {
        empty++;
        continue;
      }
      const tags = tagWords(tagCells.at(row) ?? '');
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
    targets: null,
    groups: null,
    classes,
    origin,
    leftOut: empty === 0 ? [] : [{ reason: 'no text', rows: empty }],
  };
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
