/** The label that stands for each row: what the person said, then what the file says of a held-out row, then the teachers. */
import { HeadlightError } from '../../base';
import type { Part } from '../../data';
import { rowKey, TEST, TRAIN, VALIDATION } from './rows';
import type { LabellingState } from './state';

/** A row with a label, or a row to learn from without one. */
export interface Found {
  /** Of the state's rows. */
  readonly row: number;
  readonly part: Exclude<Part, 'unused'>;
  readonly source: 'truth' | 'hand' | 'teacher';
  /** Indices of its classes. */
  readonly labels: readonly number[];
}

export interface FoundLabels {
  readonly labelled: readonly Found[];
  /** Rows to learn from without a label. */
  readonly unlabelled: readonly number[];
  /** Held-out rows of which nothing is known. */
  readonly unmeasured: number;
}

const PARTS = { [TRAIN]: 'train', [VALIDATION]: 'validation', [TEST]: 'test' } as const;

export function labelsOf(state: LabellingState): FoundLabels {
  const { rows, settings, hand } = state;
  const names = new Map(settings.classes.map(({ name }, index) => [name, index]));
  const labelled: Found[] = [];
  const unlabelled: number[] = [];
  let unmeasured = 0;
  rows.origin.forEach((origin, row) => {
    const part = PARTS[rows.part[row] as keyof typeof PARTS];
    const given = hand.get(rowKey(origin));
    const own = indicesOf(given?.labels ?? null, names, settings.several);
    if (own !== null) {
      // Drawn to measure by, it is no row to learn from (or to stop by) any more.
      const measured = given?.held_out === true ? 'test' : part;
      labelled.push({ row, part: measured, source: 'hand', labels: own });
      return;
    }
    if (part !== 'train') {
      const truth = rows.truth(row);
      if (truth === null) unmeasured++;
      else labelled.push({ row, part, source: 'truth', labels: truth });
      return;
    }
    const proposed = proposedLabels(state, row);
    if (proposed === null) unlabelled.push(row);
    else labelled.push({ row, part, source: 'teacher', labels: proposed });
  });
  return { labelled, unlabelled, unmeasured };
}

/** null for a skipped row, and for a label whose class is gone. */
function indicesOf(
  labels: readonly string[] | null,
  names: ReadonlyMap<string, number>,
  several: boolean,
): readonly number[] | null {
  if (labels === null || (!several && labels.length !== 1)) return null;
  const found = labels.map((name) => names.get(name));
  const known = found.filter((index) => index !== undefined);
  return known.length < found.length ? null : known;
}

/** What the teachers' labels of a row come to, where it is taken. */
function proposedLabels({ proposals, isWhole, settings }: LabellingState, row: number) {
  if (proposals === null || !isWhole || proposals.accepted[row] !== 1) return null;
  if (!settings.several) return [proposals.label[row] ?? -1];
  const k = settings.classes.length;
  const own = proposals.probabilities.subarray(row * k, (row + 1) * k);
  return [...own.keys()].filter((index) => (own[index] ?? 0) >= 0.5);
}

/** @throws HeadlightError `bad-labels`. */
export function checkTrained(state: LabellingState, { labelled }: FoundLabels): void {
  const { classes } = state.settings;
  const counts = classes.map(() => 0);
  let any = 0;
  for (const { part, labels } of labelled) {
    if (part !== 'train') continue;
    any++;
    for (const index of labels) counts[index] = (counts[index] ?? 0) + 1;
  }
  if (state.rows.texts.length === 0) {
    throw new HeadlightError('bad-labels', 'No row has a text.', {
      hint: 'Choose the column that holds the texts.',
    });
  }
  if (any === 0) {
    throw new HeadlightError('bad-labels', 'No text has a label yet.', { hint: nextStep(state) });
  }
  const none = classes.filter((_, index) => counts[index] === 0).map(({ name }) => name);
  const [only, ...more] = classes.filter((_, index) => (counts[index] ?? 0) > 0);
  if (only !== undefined && more.length === 0) {
    throw new HeadlightError('bad-labels', `Every labelled text is “${only.name}” so far.`, {
      hint: 'Label texts of another class by hand, say in other words what the classes mean, or take less sure proposals.',
    });
  }
  const [missing] = none;
  if (missing === undefined) return;
  throw new HeadlightError('bad-labels', `No text to learn from is labelled “${missing}” yet.`, {
    hint: 'Label some by hand, say in other words what the class means, take less sure proposals, or leave the class out.',
  });
}

function nextStep({ teachers, rows }: LabellingState): string {
  const begun = teachers.find(({ done }) => done > 0 && done < rows.texts.length);
  if (begun !== undefined) {
    return `“${begun.name}” has gone through ${begun.done} of ${rows.texts.length} texts: let it go on, or use fewer rows.`;
  }
  if (teachers.some(({ done, voted }) => done > 0 && voted === 0))
    return 'The teachers vote for no text: change them, or label some texts by hand.';
  if (teachers.some(({ done }) => done > 0))
    return 'Take less sure proposals, or label some texts by hand.';
  return teachers.length === 0
    ? 'Add a teacher that proposes labels, or label some texts by hand.'
    : 'Let the teacher propose labels, or label some texts by hand.';
}
