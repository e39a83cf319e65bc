/** Rows of the data as token ids: a text, a pair of texts, or words with a tag each. */
import { HeadlightError, ProgressMeter, throwIfAborted, type Job } from '../base';
import { tagWords, type LabelledTexts } from '../data';
import type { Example } from '../learning/finetune';
import { encodePair, encodeWords, type TextTokenizer } from '../models';

/** Rows between two looks at the signal. */
const SLICE = 256;

export interface Sequence {
  readonly ids: readonly number[];
  /** 0 for the first text, 1 for the second; null for single texts. */
  readonly types: readonly number[] | null;
  /** Of words: the place of each word's first token, for the words that fit; null for texts. */
  readonly words: Int32Array | null;
  /** Whether the end was cut off. */
  readonly truncated: boolean;
}

/** What is to be read: a text, its second text if it has one, or words. */
export interface Reading {
  readonly text: string;
  readonly pair: string | null;
  readonly isWords: boolean;
}

/** @throws HeadlightError `bad-setting` when a pair is given to a model that takes none. */
export function tokenize(tokenizer: TextTokenizer, reading: Reading, maxLength: number): Sequence {
  const { text, pair, isWords } = reading;
  if (isWords) {
    const { ids, firstTokens, truncated } = encodeWords(tokenizer, tagWords(text), maxLength);
    return { ids, types: null, words: firstTokens, truncated };
  }
  if (pair !== null) {
    const { ids, types, truncated } = encodePair(tokenizer, text, pair, maxLength);
    return { ids, types, words: null, truncated };
  }
  const { ids, truncated } = tokenizer.encodeWithNotice(text, maxLength);
  return { ids, types: null, words: null, truncated };
}

/** Words divided by single spaces, as training has them. */
export function spaced(text: string): string {
  return text.trim().split(/\s+/).join(' ');
}

/** All of the given rows, in their order. */
export async function* tokenizeRows(
  tokenizer: TextTokenizer,
  data: LabelledTexts,
  rows: Int32Array,
  maxLength: number,
  signal?: AbortSignal,
): Job<Sequence[]> {
  const meter = new ProgressMeter('Reading the texts', 'texts', rows.length);
  const sequences: Sequence[] = [];
  for (const row of rows) {
    if (sequences.length % SLICE === 0) {
      throwIfAborted(signal);
      yield meter.at(sequences.length);
    }
    const reading = {
      text: data.texts[row] ?? '',
      pair: data.pairs?.[row] ?? null,
      isWords: data.tags !== null,
    };
    sequences.push(tokenize(tokenizer, reading, maxLength));
  }
  yield meter.at(rows.length);
  return sequences;
}

/** What PyTorch's cross-entropy leaves out. */
const IGNORED = -100;

/** A row to train on: words have their tag on their first token. */
export function exampleOf(sequence: Sequence, data: LabelledTexts, row: number): Example {
  const { ids, types, words } = sequence;
  if (words === null && data.targets !== null) {
    const k = data.classes.length;
    const target = Float32Array.from(data.targets.subarray(row * k, (row + 1) * k));
    return { ids, types, target };
  }
  if (words === null) return { ids, types, target: data.labels[row] ?? -1 };
  const tags = data.tags?.[row];
  if (tags === undefined) throw new HeadlightError('internal', `row ${row} has no tags`);
  const target = new Int32Array(ids.length).fill(IGNORED);
  words.forEach((at, word) => (target[at] = tags[word] ?? IGNORED));
  return { ids, types, target };
}
