/**
 * Texts as weighted words, as scikit-learn's `TfidfVectorizer` with its defaults: token_pattern
 * `(?u)\b\w\w+\b`, smooth idf, rows of unit length. Kept sparse.
 */
import { HeadlightError } from '../../base';
import type { TfidfSettings, Vocabulary } from './types';

/** Compressed sparse rows: row i has `indices` and `data` from `indptr[i]` to `indptr[i + 1]`. */
export interface SparseRows {
  readonly rows: number;
  readonly columns: number;
  readonly indptr: Int32Array;
  readonly indices: Int32Array;
  readonly data: Float64Array;
}

/** Python's `\w` in a str pattern: letters, numbers of any kind, the underscore; marks are none. */
const TOKEN = /[\p{L}\p{N}_]{2,}/gu;
const TEXTS_A_PAUSE = 256;

type TermSettings = Vocabulary['settings'];

/** Words of two characters and more, then, when asked, pairs of neighbouring ones. */
export function termsOf(text: string, { ngram_range, lowercase }: TermSettings): string[] {
  const words = (lowercase ? text.toLowerCase() : text).match(TOKEN) ?? [];
  const terms: string[] = [...words];
  if (ngram_range[1] === 2)
    for (let i = 1; i < words.length; i++) terms.push(`${words[i - 1]!} ${words[i]!}`);
  return terms;
}

/**
 * The words of the training texts with their idf, `ln((1 + texts) / (1 + texts with it)) + 1`.
 * @yields texts read.
 * @throws HeadlightError `bad-table` when the texts have no words, `bad-setting` when min_df leaves none.
 */
export async function* learnVocabulary(
  texts: Iterable<string>,
  settings: Pick<
    TfidfSettings,
    'ngram_range' | 'lowercase' | 'sublinear_tf' | 'min_df' | 'max_features'
  >,
  pause: () => Promise<void>,
): AsyncGenerator<number, Vocabulary, void> {
  const documents = new Map<string, number>();
  const total = new Map<string, number>();
  let count = 0;
  for (const text of texts) {
    const terms = termsOf(text, settings);
    for (const term of new Set(terms)) documents.set(term, (documents.get(term) ?? 0) + 1);
    if (settings.max_features !== null)
      for (const term of terms) total.set(term, (total.get(term) ?? 0) + 1);
    count += 1;
    if (count % TEXTS_A_PAUSE === 0) {
      await pause();
      yield count;
    }
  }
  if (documents.size === 0) {
    throw new HeadlightError(
      'bad-table',
      'The training texts have no words of two letters or more.',
      {
        hint: 'Choose another text column.',
      },
    );
  }
  const least = settings.min_df < 1 ? settings.min_df * count : settings.min_df;
  let terms = [...documents.keys()].filter((term) => documents.get(term)! >= least);
  if (terms.length === 0) {
    throw new HeadlightError(
      'bad-setting',
      `min_df is ${settings.min_df}, and no word is in so many of the ${count} training texts.`,
      { hint: 'Lower min_df.' },
    );
  }
  terms.sort();
  if (settings.max_features !== null && terms.length > settings.max_features) {
    terms = terms
      .sort((a, b) => total.get(b)! - total.get(a)!)
      .slice(0, settings.max_features)
      .sort();
  }
  const idf = Float64Array.from(
    terms,
    (term) => Math.log((1 + count) / (1 + documents.get(term)!)) + 1,
  );
  const { ngram_range, lowercase, sublinear_tf } = settings;
  return { terms, idf, settings: { ngram_range, lowercase, sublinear_tf } };
}

/** Term → column. */
export function columnsOf({ terms }: Vocabulary): ReadonlyMap<string, number> {
  return new Map(terms.map((term, column) => [term, column]));
}

/**
 * Texts to rows of unit length; a text without known words is a row of nothing.
 * @yields texts done.
 */
export async function* toSparseRows(
  texts: Iterable<string>,
  vocabulary: Vocabulary,
  pause: () => Promise<void>,
): AsyncGenerator<number, SparseRows, void> {
  const columns = columnsOf(vocabulary);
  const indptr = [0];
  const indices: number[] = [];
  const data: number[] = [];
  for (const text of texts) {
    const row = sparseRow(text, vocabulary, columns);
    for (const { column, value } of row) {
      indices.push(column);
      data.push(value);
    }
    indptr.push(indices.length);
    if ((indptr.length - 1) % TEXTS_A_PAUSE === 0) {
      await pause();
      yield indptr.length - 1;
    }
  }
  return {
    rows: indptr.length - 1,
    columns: vocabulary.terms.length,
    indptr: Int32Array.from(indptr),
    indices: Int32Array.from(indices),
    data: Float64Array.from(data),
  };
}

export function sparseRow(
  text: string,
  { idf, settings }: Vocabulary,
  columns: ReadonlyMap<string, number>,
): { column: number; value: number }[] {
  const counts = new Map<number, number>();
  for (const term of termsOf(text, settings)) {
    const column = columns.get(term);
    if (column !== undefined) counts.set(column, (counts.get(column) ?? 0) + 1);
  }
  let squares = 0;
  const row = [...counts].map(([column, count]) => {
    const value = (settings.sublinear_tf ? 1 + Math.log(count) : count) * idf[column]!;
    squares += value * value;
    return { column, value };
  });
  const length = Math.sqrt(squares);
  return row.map(({ column, value }) => ({ column, value: value / length }));
}
