/**
 * Rows whose label is likely wrong, as cleanlab's `find_label_issues` finds them (2.9, `filter.py` and `rank.py`;
 * filter `prune_by_noise_rate`): for each pair of classes as many rows as the joint counts, those of the largest
 * margin; never a row whose own label is the most probable. Several labels a row: each label against the rest
 * (`multilabel_classification/filter.py`).
 */
import { HeadlightError } from '../../base';
import type { Targets } from '../heads';
import { estimateNoise, TOLERANCE } from './noise';
import type { LabelIssue, LabelIssues, LabelNoise, LabelQuality } from './types';

/** Rows that a class keeps, whatever the joint says. */
const LEAST_ROWS = 1;
/** Weight of a worse label in the quality of a row with several (exponential moving average, worst last). */
const WORST_WEIGHT = 0.8;

/**
 * @param probabilities [rows, classes] of rows that the model had not seen; finite, in [0, 1].
 * @throws HeadlightError `internal` when sizes do not fit, `device` for a probability that is no number.
 */
export function findLabelIssues(
  probabilities: Float64Array,
  targets: Targets,
  classes: number,
  order: LabelQuality = 'normalized_margin',
): LabelIssues {
  const rows = targets.kind === 'labels' ? targets.labels.length : targets.targets.length / classes;
  check(probabilities, rows, classes);
  const found =
    targets.kind === 'labels'
      ? ofOneClass(probabilities, targets.labels, classes, order)
      : ofSeveral(probabilities, targets.targets, classes);
  return { ...found, issues: found.issues.sort((a, b) => a.quality - b.quality || a.row - b.row) };
}

function check(probabilities: Float64Array, rows: number, classes: number): void {
  if (probabilities.length !== rows * classes)
    throw new HeadlightError(
      'internal',
      `Label errors: ${probabilities.length} probabilities for ${rows} rows of ${classes} classes.`,
    );
  const broken = probabilities.findIndex((value) => !Number.isFinite(value));
  if (broken < 0) return;
  throw new HeadlightError(
    'device',
    `The probabilities of row ${Math.floor(broken / classes) + 1} are not finite numbers.`,
    { hint: 'Choose another device or another encoder.' },
  );
}

interface Found {
  readonly issues: LabelIssue[];
  readonly noise: readonly LabelNoise[];
}

function ofOneClass(
  probabilities: Float64Array,
  labels: Int32Array,
  classes: number,
  order: LabelQuality,
): Found {
  const noise = estimateNoise(probabilities, labels, classes);
  const flagged = flagRows(probabilities, labels, classes, noise.joint);
  const issues: LabelIssue[] = [];
  for (const [row, label] of labels.entries()) {
    if (flagged[row] === 0) continue;
    const own = probabilities.subarray(row * classes, (row + 1) * classes);
    let best = label === 0 ? 1 : 0;
    for (let k = 0; k < classes; k++) if (k !== label && own[k]! > own[best]!) best = k;
    const quality = order === 'self_confidence' ? own[label]! : (own[label]! - own[best]! + 1) / 2;
    issues.push({ row, quality, given: [label], suggested: [best] });
  }
  return { issues, noise: [noise] };
}

function ofSeveral(probabilities: Float64Array, targets: Uint8Array, classes: number): Found {
  const rows = targets.length / classes;
  const wrong: number[][] = Array.from({ length: rows }, () => []);
  const noise: LabelNoise[] = [];
  const two = new Float64Array(rows * 2);
  const labels = new Int32Array(rows);
  for (let k = 0; k < classes; k++) {
    for (let row = 0; row < rows; row++) {
      const p = probabilities[row * classes + k]!;
      two[row * 2] = 1 - p;
      two[row * 2 + 1] = p;
      labels[row] = targets[row * classes + k]!;
    }
    const own = estimateNoise(two, labels, 2);
    noise.push(own);
    flagRows(two, labels, 2, own.joint).forEach((flag, row) => {
      if (flag === 1) wrong[row]!.push(k);
    });
  }
  const issues = wrong.flatMap((labelsWrong, row): LabelIssue[] => {
    if (labelsWrong.length === 0) return [];
    const has = (k: number): boolean => targets[row * classes + k] === 1;
    const every = Array.from({ length: classes }, (_, k) => k);
    return [
      {
        row,
        quality: severalQuality(
          every.map((k) => {
            const p = probabilities[row * classes + k]!;
            return has(k) ? p : 1 - p;
          }),
        ),
        given: every.filter(has),
        suggested: every.filter((k) => has(k) !== labelsWrong.includes(k)),
      },
    ];
  });
  return { issues, noise };
}

/** From the qualities of each label to one: the worst counts most. */
function severalQuality(qualities: readonly number[]): number {
  const [best = 1, ...others] = [...qualities].sort((a, b) => b - a);
  return others.reduce((mean, value) => WORST_WEIGHT * value + (1 - WORST_WEIGHT) * mean, best);
}

/** @returns 1 where a label is likely wrong, [rows]. */
function flagRows(
  probabilities: Float64Array,
  labels: Int32Array,
  classes: number,
  joint: Float64Array,
): Uint8Array {
  const flagged = new Uint8Array(labels.length);
  const members: number[][] = Array.from({ length: classes }, () => []);
  for (const [row, label] of labels.entries()) members[label]?.push(row);
  for (const [label, rows] of members.entries()) {
    if (rows.length <= LEAST_ROWS) continue;
    const wanted = rowsToPrune(joint.subarray(label * classes, (label + 1) * classes), label);
    for (const [other, count] of wanted.entries()) {
      if (other === label || count <= 0) continue;
      const margin = (row: number): number =>
        probabilities[row * classes + other]! - probabilities[row * classes + label]!;
      const byMargin = [...rows].sort((a, b) => margin(b) - margin(a) || a - b);
      for (const row of byMargin.slice(0, count)) flagged[row] = 1;
    }
  }
  for (const [row, label] of labels.entries()) {
    if (flagged[row] === 1 && isMostProbable(probabilities, row, label, classes)) flagged[row] = 0;
  }
  return flagged;
}

/** Of the rows with a label, how many are of each other class: where it would keep none, others give up some. */
function rowsToPrune(counts: Float64Array, label: number): Float64Array {
  const kept = Math.max(LEAST_ROWS, counts[label]!);
  const more = kept - counts[label]!;
  const others = Math.max(1, counts.reduce((sum, count) => sum + (count === 0 ? 0 : 1), 0) - 1);
  return counts.map((count, at) =>
    at === label ? kept : Math.floor(Math.max(0, count - more / others)),
  );
}

function isMostProbable(
  probabilities: Float64Array,
  row: number,
  label: number,
  classes: number,
): boolean {
  const own = probabilities[row * classes + label]! + TOLERANCE;
  for (let k = 0; k < classes; k++) {
    const value = probabilities[row * classes + k]!;
    // Of equals the first is the most probable.
    if (k < label ? value >= own : k > label && value > own) return false;
  }
  return true;
}
