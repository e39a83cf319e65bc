/**
 * Pairs of texts to learn from (Tunstall et al. 2022, https://arxiv.org/abs/2209.11055): two texts of one class are to
 * be alike, two of different classes not. Which pairs, how many, and in which order is as `setfit` 1.1 has it
 * (`ContrastiveDataset`): each text also stands with itself, all pairs are shuffled, alike and unlike take turns.
 */
import { HeadlightError } from '../../base';
import { numpyPermutation } from './numpy-permutation';
import type { ContrastiveSettings, Example, PairCounts } from './types';

/** Different pairs that are gone through: those of some 4,400 texts. */
const MOST_DIFFERENT = 1e7;
/** Pairs a pass. With more of them hours of training become days. */
const MOST_PAIRS = 1e6;

export interface PairsRequest {
  /** How many texts there are. */
  readonly rows: number;
  /** Whether two of them are to be alike. Asked of a text and itself too. */
  readonly alike: (first: number, second: number) => boolean;
  readonly settings: ContrastiveSettings;
  readonly seed: number;
  /** About so many different pairs at most, half of them alike; null: all. */
  readonly most: number | null;
}

export interface Pairs {
  /** Rows 2i and 2i + 1 are a pair; [2 * pairs]. */
  readonly rows: Int32Array;
  /** 1: alike, 0: not; [pairs]. */
  readonly labels: Uint8Array;
  readonly counts: PairCounts;
}

/** @throws HeadlightError `bad-setting` for more texts or pairs than can be gone through, saying what to change. */
export function contrastivePairs(request: PairsRequest): Pairs {
  const { rows, alike, settings, seed, most } = request;
  const different = (rows * (rows + 1)) / 2;
  if (different > MOST_DIFFERENT) throw tooMany(`${rows} texts make ${different} pairs`);
  // What is known beforehand is not gone through first.
  const known =
    settings.num_iterations !== null
      ? 2 * settings.num_iterations * rows
      : settings.sampling_strategy === 'unique' && most === null
        ? different
        : 0;
  if (known > MOST_PAIRS) throw tooMany(`${rows} texts make ${known} pairs a pass`);
  const half = most === null ? Infinity : Math.max(1, Math.floor(most / 2));
  const positive: number[] = [];
  const negative: number[] = [];
  const starts = triangle(rows);
  for (const place of numpyPermutation(seed, different)) {
    const [first, second] = pairAt(place, starts);
    const kind = alike(first, second) ? positive : negative;
    if (kind.length < 2 * half) kind.push(first, second);
    if (positive.length >= 2 * half && negative.length >= 2 * half) break;
  }
  const [ones, zeros] = wanted(positive.length / 2, negative.length / 2, rows, settings);
  if (ones + zeros > MOST_PAIRS) throw tooMany(`${rows} texts make ${ones + zeros} pairs a pass`);
  return takingTurns({ pairs: positive, count: ones }, { pairs: negative, count: zeros });
}

/** How many pairs of each kind there are to be; none where there is nothing to repeat. */
function wanted(
  positive: number,
  negative: number,
  rows: number,
  { sampling_strategy, num_iterations }: ContrastiveSettings,
): [number, number] {
  const both = (count: number): [number, number] => [
    positive === 0 ? 0 : count,
    negative === 0 ? 0 : count,
  ];
  if (num_iterations !== null) return both(num_iterations * rows);
  if (sampling_strategy === 'unique') return [positive, negative];
  if (sampling_strategy === 'undersampling') return both(Math.min(positive, negative));
  return both(Math.max(positive, negative));
}

interface Kind {
  /** First and second text, pair after pair. */
  readonly pairs: readonly number[];
  /** Begun again when they run out. */
  readonly count: number;
}

function takingTurns(positive: Kind, negative: Kind): Pairs {
  const count = positive.count + negative.count;
  const rows = new Int32Array(2 * count);
  const labels = new Uint8Array(count);
  let at = 0;
  const put = ({ pairs }: Kind, turn: number, label: number): void => {
    const from = (2 * turn) % pairs.length;
    rows[2 * at] = pairs[from]!;
    rows[2 * at + 1] = pairs[from + 1]!;
    labels[at] = label;
    at += 1;
  };
  for (let turn = 0; at < count; turn++) {
    if (turn < positive.count) put(positive, turn, 1);
    if (turn < negative.count) put(negative, turn, 0);
  }
  return {
    rows,
    labels,
    counts: {
      positive: positive.count,
      negative: negative.count,
      different:
        Math.min(positive.count, positive.pairs.length / 2) +
        Math.min(negative.count, negative.pairs.length / 2),
    },
  };
}

/** Where the pairs of each first text start, as `numpy.triu_indices` counts them: (0,0), (0,1), …, (1,1), … */
function triangle(rows: number): Int32Array {
  const starts = new Int32Array(rows + 1);
  for (let row = 0; row < rows; row++) starts[row + 1] = starts[row]! + rows - row;
  return starts;
}

function pairAt(place: number, starts: Int32Array): [number, number] {
  let low = 0;
  let high = starts.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= place) low = middle;
    else high = middle;
  }
  return [low, low + place - starts[low]!];
}

/** The pairs as rows to train on, two a pair. A text and its token ids are kept once, however often it is paired. */
export function pairExamples(
  sequences: readonly Pick<Example, 'ids' | 'types'>[],
  { rows, labels }: Pairs,
): Example[] {
  const known = sequences.map(({ ids, types }): readonly [Example, Example] => [
    { ids, types, target: 0 },
    { ids, types, target: 1 },
  ]);
  return Array.from(rows, (row, at) => {
    const example = known[row]?.[labels[at >> 1] === 1 ? 1 : 0];
    if (example === undefined) throw new HeadlightError('internal', `There is no text ${row}.`);
    return example;
  });
}

function tooMany(what: string): HeadlightError {
  return new HeadlightError(
    'bad-setting',
    `${what}: contrastive fine-tuning is for few labelled texts.`,
    {
      hint: 'Set num_iterations to 20, train on fewer rows (train_rows), or fine-tune without pairs (objective classification).',
    },
  );
}
