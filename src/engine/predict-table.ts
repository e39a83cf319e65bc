/** A table of texts (pairs, sentences), predicted: the CSV with its own columns and what was predicted. */
import type { Job } from '../base';
import { cellsOf, predictionsCsv, rowsCsv, tagWords, type FileBytes, type Table } from '../data';
import type { Task } from '../project';
import type { PredictedFile } from './engine';
import type { FinetunedModel } from './finetuned-model';
import { argmax, labelRows, type TextRows } from './text-rows';
import { spaced, tokenize } from './tokenize';

const PREVIEW_ROWS = 8;
const PROBLEMS_SHOWN = 20;

/** What is known of a model beside its graph. */
export interface PredictionTask {
  readonly task: Task;
  readonly classes: readonly string[];
  /** Of several labels a text; else null. */
  readonly thresholds: ArrayLike<number> | null;
  /** The column of the second texts, by the name it had in training; null for single texts. */
  readonly pairColumn: string | null;
  readonly maxLength: number;
}

/** @throws HeadlightError `bad-setting` when the second texts have no column here. */
export async function* predictTable(
  model: FinetunedModel,
  about: PredictionTask,
  file: FileBytes,
  table: Table,
  found: TextRows,
  signal?: AbortSignal,
): Job<PredictedFile> {
  const { task, classes, thresholds, pairColumn, maxLength } = about;
  const pairs = pairColumn === null ? null : cellsOf(table, pairColumn);
  const isWords = task === 'token_classification';
  const sequences = found.rows.map((row, at) => {
    const text = found.texts[at] ?? '';
    const pair = pairs === null ? null : (pairs.at(row) ?? '');
    return tokenize(
      model.tokenizer,
      { text: isWords ? spaced(text) : text, pair, isWords },
      maxLength,
    );
  });
  const rows = yield* model.probabilities(sequences, signal);
  return isWords
    ? taggedFile(file, table, found, rows, classes)
    : labelledFile(file, table, found, join(rows, classes.length), classes, thresholds);
}

/** @param flat `[texts, classes]`. */
export function labelledFile(
  file: FileBytes,
  table: Table,
  found: TextRows,
  flat: Float64Array,
  classes: readonly string[],
  thresholds: ArrayLike<number> | null,
): PredictedFile {
  const { labels, probabilities, counts } = labelRows(table, found, flat, classes, thresholds);
  return {
    ...aboutFile(file, table, found, predictionsCsv(table, { labels, probabilities }, classes)),
    counts: classes.map((label, index) => ({ label, rows: counts[index] ?? 0 })),
    preview: found.rows.slice(0, PREVIEW_ROWS).map((row, index) => ({
      text: (found.texts[index] ?? '').slice(0, 200),
      label: labels[row] ?? '',
      probability: Math.max(...(probabilities[row] ?? [0])),
    })),
  };
}

/** A tag for each word; words that did not fit have `O`, or the first tag. Counts are of words. */
function taggedFile(
  file: FileBytes,
  table: Table,
  found: TextRows,
  rows: readonly Float64Array[],
  classes: readonly string[],
): PredictedFile {
  const outside = Math.max(0, classes.indexOf('O'));
  const counts = new Array<number>(classes.length).fill(0);
  const sentences = new Map<number, { readonly tags: string; readonly probability: number }>();
  found.rows.forEach((row, at) => {
    const values = rows[at] ?? new Float64Array();
    let least = 1;
    const tags = tagWords(spaced(found.texts[at] ?? '')).map((_, word) => {
      const shares = values.subarray(word * classes.length, (word + 1) * classes.length);
      const best = shares.length === 0 ? outside : argmax(shares);
      least = Math.min(least, shares[best] ?? 1);
      counts[best] = (counts[best] ?? 0) + 1;
      return classes[best] ?? '';
    });
    sentences.set(row, { tags: tags.join(' '), probability: least });
  });
  const names = table.columns.map(({ name }) => name);
  let column = 'prediction';
  for (let number = 2; names.includes(column); number++) column = `prediction ${number}`;
  const csv = rowsCsv(
    [...names, column],
    Array.from({ length: table.rowCount }, (_, row) => [
      ...table.columns.map(({ cells }) => cells.at(row) ?? ''),
      sentences.get(row)?.tags ?? '',
    ]),
  );
  return {
    ...aboutFile(file, table, found, csv),
    counts: classes.map((label, index) => ({ label, rows: counts[index] ?? 0 })),
    preview: found.rows.slice(0, PREVIEW_ROWS).map((row, index) => ({
      text: (found.texts[index] ?? '').slice(0, 200),
      label: sentences.get(row)?.tags ?? '',
      probability: sentences.get(row)?.probability ?? 0,
    })),
  };
}

function aboutFile(
  file: FileBytes,
  table: Table,
  found: TextRows,
  csv: string,
): Omit<PredictedFile, 'counts' | 'preview'> {
  return {
    name: `${file.name.replace(/\.[^.]+$/, '')}-predictions.csv`,
    mime: 'text/csv;charset=utf-8',
    bytes: new TextEncoder().encode(csv),
    containsTexts: true,
    rows: found.rows.length,
    textColumn: found.column,
    problemCount: table.problemCount,
    problems: table.problems.slice(0, PROBLEMS_SHOWN),
  };
}

function join(rows: readonly Float64Array[], classes: number): Float64Array {
  const flat = new Float64Array(rows.length * classes);
  rows.forEach((row, at) => {
    flat.set(row, at * classes);
  });
  return flat;
}
