/** What a look for likely wrong labels came to, from rows and class indices to places and names. */
import { HeadlightError, type Job } from '../base';
import { groupTexts, joinGroups, type LabelledTexts } from '../data';
import type { Matrix, OutOfFold } from '../learning/heads';
import {
  DEFAULT_NEAR,
  nearPairs,
  type LabelIssue,
  type LabelIssues,
} from '../learning/label-errors';
import { stratifiedGroupFolds } from '../learning/studies';
import { labelsAt } from './figures';
import type { FoundErrors, StoredPlace, StoredRow } from './label-errors-store';
import type { LabelErrorSettings, LabelledPart, RowPlace } from './label-errors-types';
import type { Prepared } from './prepare';

const MOST_CONFUSIONS = 20;
/** Below this agreement with the labels probes say less about them. */
const TELLING = 0.8;
const UNSURE =
  'These probes disagree with many of the labels, so much of the list is merely hard for them: a better encoder tells more.';
const PARTS: readonly LabelledPart[] = ['train', 'validation', 'test'];

/** The rows that are judged. */
export interface Judged {
  readonly data: LabelledTexts;
  /** Into the labelled texts. */
  readonly rows: Int32Array;
  readonly part: readonly LabelledPart[];
  /** Class indices of each. */
  readonly labels: readonly (readonly number[])[];
  /** Rows with the same number have one text. */
  readonly texts: Int32Array;
  /** The fold in which each is held out. */
  readonly folds: Int32Array;
}

/**
 * In the order in which training embeds them, so that its features serve here.
 * @throws HeadlightError `bad-labels` for too few.
 */
export function judgedRows(
  { data, split }: Pick<Prepared, 'data' | 'split'>,
  { folds, seed }: Pick<LabelErrorSettings, 'folds' | 'seed'>,
): Judged {
  const rows = Int32Array.from([...split.train, ...split.validation, ...split.test]);
  const same = groupTexts(data);
  // Copies, and rows of a group, would vouch for each other's label: they are held out together.
  const together = data.groups === null ? same : joinGroups(same, data.groups);
  const groups = rows.map((row) => together.of[row] ?? -1);
  if (new Set(groups).size < 2 * folds) {
    throw new HeadlightError(
      'bad-labels',
      `${rows.length} labelled rows are too few to judge each by the others in ${folds} folds.`,
      { hint: `Label more rows first: ${2 * folds} different texts are the least.` },
    );
  }
  const strata = rows.map((row) => data.labels[row] ?? 0);
  return {
    data,
    rows,
    part: PARTS.flatMap((part) => Array.from(split[part], () => part)),
    labels: Array.from(rows, (row) => labelsOf(data, row)),
    texts: rows.map((row) => same.of[row] ?? -1),
    folds: stratifiedGroupFolds(strata, groups, folds, seed),
  };
}

/** Class indices that a row has. */
export function labelsOf(
  { labels, targets, classes }: Pick<LabelledTexts, 'labels' | 'targets' | 'classes'>,
  row: number,
): readonly number[] {
  return targets === null ? [labels[row] ?? -1] : labelsAt(targets, row, classes.length);
}

type Listed = Pick<
  FoundErrors,
  'rows' | 'several' | 'classes' | 'confusions' | 'agreement' | 'notes' | 'listed'
>;

export function listedRows(
  judged: Judged,
  { probabilities, missing }: Pick<OutOfFold, 'probabilities' | 'missing'>,
  issues: LabelIssues,
): Listed {
  const { classes, targets } = judged.data;
  const several = targets !== null;
  const rows = new Int32Array(classes.length);
  const listed = new Int32Array(classes.length);
  for (const label of judged.labels.flat()) rows[label] = (rows[label] ?? 0) + 1;
  for (const label of issues.issues.flatMap(({ given }) => given))
    listed[label] = (listed[label] ?? 0) + 1;
  const agreement = agreementOf(probabilities, judged, several);
  return {
    rows: judged.rows.length,
    several,
    classes: classes.map((name, at) => ({ name, rows: rows[at] ?? 0, listed: listed[at] ?? 0 })),
    confusions: confusionsOf(issues, classes, several),
    agreement,
    notes: [
      ...(agreement < TELLING ? [UNSURE] : []),
      ...missing
        .filter((label) => (rows[label] ?? 0) > 0)
        .map(
          (label) =>
            `The rows labelled “${classes[label] ?? ''}” are too few, or too much alike, to judge each of them by others.`,
        ),
    ],
    listed: issues.issues.map((issue) => storedRow(issue, judged, probabilities)),
  };
}

function confusionsOf(
  { noise }: LabelIssues,
  classes: readonly string[],
  several: boolean,
): FoundErrors['confusions'] {
  const k = classes.length;
  const all: FoundErrors['confusions'] = several
    ? noise.flatMap(({ joint }, at) => [
        { given: null, likely: classes[at] ?? '', rows: joint[1] ?? 0 },
        { given: classes[at] ?? '', likely: null, rows: joint[2] ?? 0 },
      ])
    : Array.from(noise[0]?.joint ?? [], (rows, at) => ({
        given: classes[Math.floor(at / k)] ?? '',
        likely: classes[at % k] ?? '',
        rows,
      }));
  return all
    .filter(({ given, likely, rows }) => rows > 0 && given !== likely)
    .sort((a, b) => b.rows - a.rows)
    .slice(0, MOST_CONFUSIONS);
}

/** Share of labels that are predicted: of each row its class, or of several labels each at 0.5. */
function agreementOf(
  probabilities: Float64Array,
  { labels, data }: Judged,
  several: boolean,
): number {
  const k = data.classes.length;
  let right = 0;
  for (const [row, own] of labels.entries()) {
    const shares = probabilities.subarray(row * k, (row + 1) * k);
    if (several) {
      for (const [label, share] of shares.entries())
        if (share >= 0.5 === own.includes(label)) right += 1;
    } else if (own[0] === shares.indexOf(Math.max(...shares))) right += 1;
  }
  return right / Math.max(1, labels.length * (several ? k : 1));
}

function placeOf({ data, rows, part, labels }: Judged, at: number): StoredPlace {
  const origin = data.origin[rows[at] ?? -1];
  return {
    file: origin?.file ?? '',
    row: origin?.row ?? 0,
    line: origin?.line ?? 0,
    part: part[at] ?? 'train',
    given: named(data, labels[at] ?? []),
  };
}

function named({ classes }: Pick<LabelledTexts, 'classes'>, labels: readonly number[]): string[] {
  return labels.map((label) => classes[label] ?? '');
}

function storedRow(
  { row, given, suggested }: LabelIssue,
  judged: Judged,
  probabilities: Float64Array,
): StoredRow {
  const { data } = judged;
  const k = data.classes.length;
  const of = (label: number | undefined): number => probabilities[row * k + (label ?? 0)] ?? 0;
  // Of several labels: of what the suggestion adds or takes away, the least sure.
  const sure = data.classes.flatMap((_, label) => {
    const [had, has] = [given.includes(label), suggested.includes(label)];
    return had === has ? [] : [has ? of(label) : 1 - of(label)];
  });
  const least = Math.min(1, ...sure);
  const isOne = data.targets === null;
  return {
    ...placeOf(judged, row),
    suggested: named(data, suggested),
    probability: isOne ? of(suggested[0]) : least,
    given_probability: isOne ? of(given[0]) : 1 - least,
  };
}

/**
 * Pairs of texts alike with different labels. Of rows with one text and the same labels the first stands for all.
 * @param features of the judged rows.
 */
export async function* alikeRows(
  features: Matrix,
  judged: Judged,
  threshold: number,
  signal?: AbortSignal,
): Job<Pick<FoundErrors, 'pairs' | 'pairsFound' | 'pairsComplete'>> {
  const numbers = new Map<string, number>();
  const labelOf = judged.labels.map((labels) => numbered(numbers, labels.join(' ')));
  const firsts = new Map<string, number>();
  const copies = new Map<number, RowPlace[]>();
  for (const [at, label] of labelOf.entries()) {
    const key = `${judged.texts[at] ?? -1} ${label}`;
    const stands = firsts.get(key) ?? at;
    firsts.set(key, stands);
    if (stands === at) continue;
    const { file, row } = placeOf(judged, at);
    const own = copies.get(stands);
    if (own === undefined) copies.set(stands, [{ file, row }]);
    else own.push({ file, row });
  }
  const units = [...firsts.values()];
  const { columns, data } = features;
  const vectors = new Float32Array(units.length * columns);
  for (const [at, row] of units.entries())
    vectors.set(data.subarray(row * columns, (row + 1) * columns), at * columns);
  const { pairs, count, complete } = yield* nearPairs(
    { rows: units.length, columns, data: vectors },
    Int32Array.from(units, (row) => labelOf[row] ?? -1),
    { ...DEFAULT_NEAR, threshold },
    signal,
  );
  return {
    pairs: pairs.map(({ a, b, cosine }) => {
      const [one, other] = [units[a] ?? 0, units[b] ?? 0];
      return {
        a: placeOf(judged, one),
        b: placeOf(judged, other),
        cosine: Math.min(1, cosine),
        copies: [copies.get(one) ?? [], copies.get(other) ?? []],
      };
    }),
    pairsFound: count,
    pairsComplete: complete,
  };
}

function numbered(numbers: Map<string, number>, key: string): number {
  const number = numbers.get(key) ?? numbers.size;
  numbers.set(key, number);
  return number;
}
