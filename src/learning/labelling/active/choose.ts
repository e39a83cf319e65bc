/** The next texts to label, by a strategy; and which come first, while there is nothing to be unsure by. */
import { unsureScores, type UnsureBy } from './uncertainty';
import type { Coverage } from './coverage';
import type { ActiveStrategy, ChosenRow } from './types';

export interface PoolState {
  readonly classes: number;
  /** Whether a text may have several labels. */
  readonly several: boolean;
  /** 1 for a row that may be chosen: neither labelled nor skipped, and in no measure. */
  readonly open: Uint8Array;
  /** The probe's, [rows, classes]; null while it has not been fitted. */
  readonly probabilities: Float32Array | null;
  /** Texts labelled so far, a class. */
  readonly labelled: ArrayLike<number>;
  /** What the teachers propose, [rows, classes], NaN where they do not vote; null without any. */
  readonly proposed: Float32Array | null;
  /** All rows in a random order, the same for the same seed. */
  readonly order: Int32Array;
  readonly coverage: Coverage;
}

/** The share of the open rows among which `margin_diversity` looks for a text that stands for others. */
const UNSURE_SHARE = 0.1;

/**
 * At most `count` rows, the first one first; fewer when fewer are open.
 *
 * Whatever the strategy (but `random`), it begins so: where teachers propose, with the surest text of each class that
 * has no label; without, and until the probe can tell classes apart, with diverse texts.
 */
export function chooseRows(state: PoolState, strategy: ActiveStrategy, count: number): ChosenRow[] {
  const open = state.open.slice();
  const chosen: ChosenRow[] = [];
  const take = (one: ChosenRow | null): boolean => {
    if (one === null) return false;
    open[one.row] = 0;
    chosen.push(one);
    return true;
  };
  const now: PoolState = { ...state, open, coverage: state.coverage.fork() };
  if (strategy === 'random') {
    for (const row of state.order) {
      if (chosen.length >= count) break;
      if (open[row] === 1) take({ row, why: { kind: 'random' } });
    }
    return chosen;
  }
  for (let k = 0; k < state.classes && chosen.length < count; k++)
    if (state.labelled[k] === 0) take(surestProposed(now, k));
  if (state.probabilities === null || strategy === 'diversity') {
    const isStart = state.probabilities === null;
    while (chosen.length < count && take(mostDiverse(now, isStart)));
    return chosen;
  }
  if (strategy === 'margin_diversity') {
    while (chosen.length < count && take(unsureAndDiverse(now, state.probabilities)));
    return chosen;
  }
  const by: UnsureBy = strategy;
  const scores = unsureScores(state.probabilities, state.classes, state.several, by);
  while (chosen.length < count) {
    const row = best(open, (at) => scores[at]!);
    if (row === null) break;
    take(unsure(state, row, by));
  }
  return chosen;
}

/** The open row that the teachers are surest is of a class, among those for which it is the likeliest. */
function surestProposed({ proposed, open, classes }: PoolState, k: number): ChosenRow | null {
  if (proposed === null) return null;
  const row = best(open, (at) => {
    const own = proposed[at * classes + k]!;
    for (let other = 0; other < classes; other++)
      if (!(own >= proposed[at * classes + other]!)) return -Infinity;
    return own;
  });
  if (row === null) return null;
  return { row, why: { kind: 'teacher', class: k, confidence: proposed[row * classes + k]! } };
}

function mostDiverse({ coverage, open, order }: PoolState, isStart: boolean): ChosenRow | null {
  const row = standsForMost(coverage, (at) => open[at] === 1) ?? firstOpen(open, order);
  if (row === null) return null;
  coverage.cover(row);
  return { row, why: { kind: 'diverse', isStart } };
}

function unsureAndDiverse(state: PoolState, probabilities: Float32Array): ChosenRow | null {
  const { coverage, open, classes, several } = state;
  const scores = unsureScores(probabilities, classes, several, 'margin');
  const candidates = coverage.candidates.filter((row) => open[row] === 1);
  if (candidates.length === 0) {
    const row = best(open, (at) => scores[at]!);
    return row === null ? null : unsure(state, row, 'margin_diversity');
  }
  const sorted = candidates.slice().sort((a, b) => scores[b]! - scores[a]! || a - b);
  const few = new Set(sorted.subarray(0, Math.ceil(UNSURE_SHARE * sorted.length)));
  const row = standsForMost(coverage, (at) => few.has(at));
  if (row === null) return null;
  coverage.cover(row);
  return unsure(state, row, 'margin_diversity');
}

function standsForMost(coverage: Coverage, isMeant: (row: number) => boolean): number | null {
  const gains = coverage.gains();
  let most = -1;
  let found: number | null = null;
  coverage.candidates.forEach((row, at) => {
    if (gains[at]! <= most || !isMeant(row)) return;
    most = gains[at]!;
    found = row;
  });
  return found;
}

function firstOpen(open: Uint8Array, order: Int32Array): number | null {
  return order.find((row) => open[row] === 1) ?? null;
}

/** The open row with the highest score, the first among equals; null without one above -Infinity. */
function best(open: Uint8Array, score: (row: number) => number): number | null {
  let highest = -Infinity;
  let found: number | null = null;
  for (let row = 0; row < open.length; row++) {
    if (open[row] !== 1) continue;
    const own = score(row);
    if (own > highest) {
      highest = own;
      found = row;
    }
  }
  return found;
}

function unsure(
  { probabilities, classes }: PoolState,
  row: number,
  strategy: UnsureBy | 'margin_diversity',
): ChosenRow {
  const own = Array.from(
    probabilities?.subarray(row * classes, (row + 1) * classes) ?? [],
    (probability, index) => ({ class: index, probability }),
  );
  const likeliest = own.sort((a, b) => b.probability - a.probability).slice(0, 2);
  return { row, why: { kind: 'unsure', strategy, likeliest } };
}
