/** A project's texts as active learning sees them: those to choose from, those to measure by, and the labels by hand. */
import { drawRows, groupTexts } from '../../data';
import type { Targets } from '../../learning/heads';
import type { HandLabel, PoolLabel } from '../../learning/labelling';
import { rowKey, TRAIN } from './rows';
import type { LabellingState } from './state';

/** More are not needed to choose a few hundred from, and would make each label wait. */
const MOST_POOL = 20_000;

export interface ActivePool {
  /** Rows of the labelling that can be chosen, ascending: those to learn from, of very many some drawn at random. */
  readonly rows: readonly number[];
  /** How many there are to learn from in all. */
  readonly all: number;
  /** Place in `rows` by `rowKey`. */
  readonly places: ReadonlyMap<string, number>;
  /** Copies of a text, however it is written, have the same number, [rows]. */
  readonly copies: Int32Array;
  /** Held-out rows whose labels are known: by their files, or by hand. */
  readonly truth: readonly { readonly row: number; readonly labels: readonly number[] }[];
}

export function activePool({ rows, hand, settings }: LabellingState, seed: number): ActivePool {
  const truth = measuredRows({ rows, hand, settings });
  // As for every other training: a text that is measured by, however it is written, is not learned from.
  const groups = groupTexts({ texts: rows.texts, pairs: null });
  const measured = new Set(truth.map(({ row }) => groups.of[row]));
  const canLearn = (row: number): boolean =>
    rows.part[row] === TRAIN && !measured.has(groups.of[row]);
  const every = Int32Array.from(rows.part.keys()).filter(canLearn);
  const chosen = new Set<number>(drawRows(every, () => 0, MOST_POOL, seed).drawn);
  // What is labelled already counts, whatever was drawn.
  for (const key of hand.keys()) {
    const row = rows.places.get(key);
    if (row !== undefined && canLearn(row)) chosen.add(row);
  }
  const pool = [...chosen].sort((a, b) => a - b);
  return {
    rows: pool,
    all: every.length,
    places: new Map(pool.map((row, place) => [keyOf(rows, row), place])),
    copies: Int32Array.from(pool, (row) => groups.of[row] ?? -1),
    truth,
  };
}

/** Rows of held-out parts whose labels are known: by hand, else by the file. */
function measuredRows({
  rows,
  hand,
  settings,
}: Pick<LabellingState, 'rows' | 'hand' | 'settings'>): ActivePool['truth'] {
  const truth: { row: number; labels: readonly number[] }[] = [];
  rows.part.forEach((part, row) => {
    if (part === TRAIN) return;
    const origin = rows.origin[row];
    const given = origin === undefined ? undefined : hand.get(rowKey(origin))?.labels;
    const labels = classIndices(given ?? null, settings) ?? rows.truth(row);
    if (labels !== null) truth.push({ row, labels });
  });
  return truth;
}

/** Labels by hand as they stand, in the order in which they were given; those of other rows are left out. */
export function poolLabels(
  log: readonly HandLabel[],
  { places }: ActivePool,
  settings: LabellingState['settings'],
): PoolLabel[] {
  const newest = new Map<string, HandLabel>();
  for (const label of log) {
    const key = rowKey(label);
    newest.delete(key);
    newest.set(key, label);
  }
  return [...newest].flatMap(([key, label]) => {
    const row = places.get(key);
    if (row === undefined) return [];
    return [{ row, labels: classIndices(label.labels, settings), held_out: label.held_out }];
  });
}

/** 0/1 where a text may have several labels. */
export function truthTargets(
  { truth }: ActivePool,
  { classes, several }: LabellingState['settings'],
): Targets {
  if (!several)
    return { kind: 'labels', labels: Int32Array.from(truth, ({ labels }) => labels[0] ?? 0) };
  const targets = new Uint8Array(truth.length * classes.length);
  truth.forEach(({ labels }, at) => {
    for (const label of labels) targets[at * classes.length + label] = 1;
  });
  return { kind: 'multi_label', targets };
}

/** null for a text that was skipped, and for a label of a class that there is no more. */
function classIndices(
  labels: readonly string[] | null,
  { classes, several }: LabellingState['settings'],
): readonly number[] | null {
  if (labels === null) return null;
  const indices = labels.map((name) => classes.findIndex((one) => one.name === name));
  if (indices.includes(-1) || (!several && indices.length !== 1)) return null;
  return indices;
}

function keyOf(rows: LabellingState['rows'], row: number): string {
  const origin = rows.origin[row];
  return origin === undefined ? '' : rowKey(origin);
}
