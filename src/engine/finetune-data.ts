/**
 * The rows of a fine-tune: which are trained on, which evaluations during training use, and which the report
 * is about. Test rows are never among the first two.
 */
import { HeadlightError, ProgressMeter, throwIfAborted, type Job } from '../base';
import { drawRows, normalText, type LabelledTexts } from '../data';
import type { Example, FinetuneData, FinetuneSettings } from '../learning/finetune';
import type { TextTokenizer } from '../models';
import type { Prepared } from './prepare';
import { rowWeights, softLabels, studentSettings, type JoinedRows } from './students';
import { exampleOf, tokenize, tokenizeRows, type Sequence } from './tokenize';

/** Texts between two looks at the signal. */
const SLICE = 256;

export interface FinetuneRows {
  /** Indices into the labelled texts, ascending. */
  readonly train: Int32Array;
  readonly validation: Int32Array;
}

/**
 * The held-out part first, so that it does not shrink what “train on N rows” promises where there are enough;
 * copies of a text, exact or nearly so (`normalText`), stand on one side. Stratified and seeded, both.
 */
export function chooseRows(prepared: Prepared, settings: FinetuneSettings): FinetuneRows {
  const { data, split } = prepared;
  const wanted = Math.min(settings.train_rows ?? split.train.length, split.train.length);
  // A validation part of the split is what it is for; else some of the training rows are held out.
  const given = split.validation;
  const labelOf = (row: number): number => data.labels[row] ?? -1;
  const keyOf = (row: number): string =>
    `${normalText(data.texts[row] ?? '')}\0${normalText(data.pairs?.[row] ?? '')}`;
  const share = settings.eval_strategy === 'no' || given.length > 0 ? 0 : settings.validation_share;
  const held = share === 0 ? 0 : Math.max(1, Math.round(share * wanted));
  const { drawn, rest } = drawRows(split.train, labelOf, held, settings.seed, keyOf);
  const validation = given.length > 0 ? given : drawn;
  const { drawn: train } = drawRows(
    rest,
    labelOf,
    Math.min(wanted, rest.length),
    settings.seed + 1,
  );
  if (train.length === 0) {
    throw new HeadlightError('bad-labels', 'No row is left to train on.', {
      hint: 'Add rows, or set validation_share to 0 with eval_strategy no.',
    });
  }
  return { train, validation };
}

export interface TokenizedRows {
  readonly data: FinetuneData;
  /** Of the rows that are trained on, and of the test rows: for the report. */
  readonly train: readonly Sequence[];
  readonly validation: readonly Sequence[];
  readonly test: readonly Sequence[];
  readonly notes: readonly string[];
}

export async function* tokenizeAll(
  prepared: Prepared,
  rows: FinetuneRows,
  tokenizer: TextTokenizer,
  maxLength: number,
  signal?: AbortSignal,
): Job<TokenizedRows> {
  const { data, split } = prepared;
  const train = yield* tokenizeRows(tokenizer, data, rows.train, maxLength, signal);
  const validation = yield* tokenizeRows(tokenizer, data, rows.validation, maxLength, signal);
  const test = yield* tokenizeRows(tokenizer, data, split.test, maxLength, signal);
  const notes = cutNotes(data, [train, validation, test].flat(), maxLength);
  for (const note of notes) yield new ProgressMeter('Reading the texts', 'texts', 1).at(1, note);
  return {
    data: {
      train: examples(train, prepared, rows.train),
      validation: examples(validation, prepared, rows.validation),
      padId: tokenizer.padId,
      classes: data.classes,
    },
    train,
    validation,
    test,
    notes,
  };
}

/** Of made labels each with its weight and its probabilities, as the student's settings ask. */
function examples(sequences: readonly Sequence[], prepared: Prepared, rows: Int32Array): Example[] {
  const own = sequences.map((sequence, at) => exampleOf(sequence, prepared.data, rows[at] ?? -1));
  const student = studentSettings(prepared);
  if (student === null) return own;
  const k = prepared.data.classes.length;
  const weights = student.weighted ? rowWeights(prepared, rows) : null;
  const soft = student.labels === 'soft' ? softLabels(prepared, rows) : null;
  return own.map((example, at) => ({
    ...example,
    ...(soft === null ? {} : { target: Float32Array.from(soft.subarray(at * k, (at + 1) * k)) }),
    ...(weights === null ? {} : { weight: weights[at] ?? 1 }),
  }));
}

/** Texts that join in a round of self-training, to train on. @param sequences of exactly these. */
export function joinedExamples(
  prepared: Prepared,
  joined: JoinedRows,
  sequences: readonly Sequence[],
): Example[] {
  const student = studentSettings(prepared);
  const k = prepared.data.classes.length;
  return sequences.map(({ ids, types }, at): Example => {
    const own = (values: ArrayLike<number>): Float32Array =>
      Float32Array.from({ length: k }, (_, label) => values[at * k + label] ?? 0);
    let target: Example['target'] = joined.labels[at] ?? -1;
    if (student?.labels === 'soft') target = own(joined.soft);
    else if (prepared.data.targets !== null) target = own(joined.hard);
    const weight = student?.weighted === true ? { weight: joined.confidence[at] ?? 1 } : {};
    return { ids, types, target, ...weight };
  });
}

/** Single texts as token ids. */
export async function* tokenizeTexts(
  tokenizer: TextTokenizer,
  texts: readonly string[],
  maxLength: number,
  signal?: AbortSignal,
): Job<Sequence[]> {
  const meter = new ProgressMeter('Reading the texts', 'texts', texts.length);
  const found: Sequence[] = [];
  for (const text of texts) {
    if (found.length % SLICE === 0) {
      throwIfAborted(signal);
      yield meter.at(found.length);
    }
    found.push(tokenize(tokenizer, { text, pair: null, isWords: false }, maxLength));
  }
  return found;
}

/** Whether texts were cut, in a sentence. */
export function cutNotes(
  data: LabelledTexts,
  sequences: readonly Sequence[],
  maxLength: number,
): string[] {
  const cut = sequences.filter(({ truncated }) => truncated).length;
  if (cut === 0) return [];
  const what = data.tags === null ? 'texts' : 'sentences';
  const words =
    data.tags === null ? '' : ' Words beyond are neither trained on nor counted in the figures.';
  return [
    `${cut} of ${sequences.length} ${what} are longer than ${maxLength} tokens and were cut.${words}`,
  ];
}
