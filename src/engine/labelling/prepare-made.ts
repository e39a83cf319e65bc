/**
 * From labels that were made here to what can be learned from. To learn: labels by hand that were not drawn to measure
 * by, then the proposals that the accept settings take. To measure: the truth of held-out rows, and labels by hand in
 * held-out parts or drawn for it; where there is none, a random fifth of the teacher-labelled rows, which tells how
 * well the teacher is imitated and no more.
 */
import { HeadlightError } from '../../base';
import {
  applyRepairs,
  auditData,
  drawRows,
  groupTexts,
  splitGiven,
  strata,
  type AuditFinding,
  type LabelledTexts,
  type Part,
  type Repair,
  type RowOrigin,
  type Split,
  type Table,
} from '../../data';
import type { DataChoice, DataRepair, LabellingRecord } from '../../project';
import { checkColumns, usedTables } from '../chosen-tables';
import type { Prepared } from '../prepare';
import { withRowsPerClass } from '../rows-per-class';
import { checkTrained, labelsOf, type Found, type FoundLabels } from './found-labels';
import type { MadeLabels } from './made-types';
import { rowKey } from './rows';
import type { LabellingState } from './state';

/** Held out of the teacher-labelled rows where there is nothing else to measure by. */
const IMITATED_SHARE = 0.2;

/**
 * @throws HeadlightError `bad-labels` when no text has a label, or a class has none to learn from; `bad-setting` for
 *   repairs that would change the classes.
 */
export function prepareMade(
  tables: readonly Table[],
  choice: DataChoice,
  state: LabellingState,
): Prepared {
  const { text, label } = checkColumns(choice);
  const used = usedTables(tables, choice);
  const repairs = rowRepairs(choice);
  const found = labelsOf(state);
  checkTrained(state, found);
  const data = labelledTexts(state, found);
  const { parts, tested_by, note } = testedParts(data, found, seedOf(choice));
  const split = splitMade(data, parts, choice, note);
  const repaired = applyRepairs(data, split, repairs);
  const files = used.filter(({ name }) => choice.files[name] !== 'names');
  const prepared: Prepared = {
    task: state.settings.several ? 'multi_label' : 'classification',
    tables: used,
    data,
    split: repaired.split,
    changes: repaired.changes,
    audit: auditData({ tables: files, data, texts: [text], label, split }).flatMap(ownFinding),
    made: madeLabels(state, data, found, parts, tested_by),
  };
  return withRowsPerClass(prepared, choice);
}

function labelledTexts(
  { rows, settings }: LabellingState,
  { labelled, unlabelled, unmeasured }: FoundLabels,
): LabelledTexts {
  const classes = settings.classes.map(({ name }) => name);
  const k = classes.length;
  const targets = settings.several ? new Uint8Array(labelled.length * k) : null;
  labelled.forEach(({ labels }, index) => {
    for (const label of labels) if (targets !== null) targets[index * k + label] = 1;
  });
  return {
    texts: labelled.map(({ row }) => rows.texts[row] ?? ''),
    pairs: null,
    labels:
      targets === null
        ? Int32Array.from(labelled, ({ labels }) => labels[0] ?? -1)
        : strata(targets, k),
    tags: null,
    targets,
    groups: null,
    classes,
    origin: labelled.map(({ row }) => originOf(rows.origin, row)),
    leftOut: [
      { reason: 'no text', rows: rows.empty },
      { reason: 'no label yet', rows: unlabelled.length },
      { reason: 'held out, and nobody says its label', rows: unmeasured - rows.unknown },
      { reason: 'held out, and its label is none of the classes', rows: rows.unknown },
    ].filter((reason) => reason.rows > 0),
  };
}

interface TestedParts {
  readonly parts: readonly Part[];
  readonly tested_by: MadeLabels['tested_by'];
  readonly note: string;
}

/** Where there is nothing to measure by, a fifth of what there is becomes the test part. */
function testedParts(data: LabelledTexts, { labelled }: FoundLabels, seed: number): TestedParts {
  const parts = labelled.map(({ part }): Part => part);
  const tested = labelled.filter(({ part }) => part === 'test');
  if (tested.length > 0) {
    const truth = tested.filter(({ source }) => source === 'truth').length;
    const hand = tested.length - truth;
    const said = [
      ...(truth > 0 ? [`${truth} held-out rows have their labels in the files`] : []),
      ...(hand > 0 ? [`${hand} were labelled by hand to measure by`] : []),
    ];
    return {
      parts,
      tested_by: 'truth',
      note: `Tested on ${tested.length} rows: ${said.join(', ')}.`,
    };
  }
  const byTeacher = fifth(data, labelled, 'teacher', seed);
  const drawn = byTeacher.length > 0 ? byTeacher : fifth(data, labelled, 'hand', seed);
  if (drawn.length === 0) {
    throw new HeadlightError('bad-labels', 'There is no row to test on.', {
      hint: 'Label a few more texts of every class by hand.',
    });
  }
  for (const row of drawn) parts[row] = 'test';
  return byTeacher.length > 0
    ? {
        parts,
        tested_by: 'teacher',
        note: `Accuracy is unknown: nobody has labelled texts to measure by. A random fifth of the texts that the teacher labelled (${drawn.length}) is kept to see how often it is imitated (seed ${seed}).`,
      }
    : {
        parts,
        tested_by: 'truth',
        note: `None of the labels by hand was made to measure by: a random fifth of them (${drawn.length}) is kept for the test (seed ${seed}). Where they were chosen, they may be easier or harder than your texts.`,
      };
}

/** A fifth of the rows with labels from there, a class by a class; a class of one text stays to be learned from. */
function fifth(
  data: LabelledTexts,
  labelled: readonly Found[],
  source: Found['source'],
  seed: number,
): readonly number[] {
  const groups = groupTexts(data);
  const isOwn = (row: number): boolean => {
    const one = labelled[row];
    return one !== undefined && one.part === 'train' && one.source === source;
  };
  // One row of each text: copies go with it. Each group is looked at once: one text may stand in all rows.
  const whole = Array.from({ length: groups.count }, (_, group) => group).filter((group) =>
    groups.rows(group).every(isOwn),
  );
  const first = Int32Array.from(whole, (group) => groups.first(group));
  const texts = new Map<number, number>();
  for (const row of first) {
    const label = data.labels[row] ?? -1;
    texts.set(label, (texts.get(label) ?? 0) + 1);
  }
  const rows = first.filter((row) => (texts.get(data.labels[row] ?? -1) ?? 0) > 1);
  if (rows.length === 0) return [];
  const count = Math.max(1, Math.round(rows.length * IMITATED_SHARE));
  const { drawn } = drawRows(rows, (row) => data.labels[row] ?? -1, count, seed);
  return [...drawn].flatMap((row) => [...groups.rows(groups.of[row] ?? 0)]);
}

function splitMade(
  data: LabelledTexts,
  parts: readonly Part[],
  { split }: DataChoice,
  note: string,
): Split {
  return splitGiven(data, {
    partOf: (row) => parts[row] ?? 'unused',
    noun: 'part',
    testName: split.method === 'column' ? split.column : 'test',
    notes: [note],
    everyClass: true,
  });
}

function seedOf({ split }: DataChoice): number {
  return split.method === 'stratified' ? split.seed : 0;
}

/** @throws HeadlightError `bad-setting` for repairs that would change the classes. */
function rowRepairs({ repairs }: DataChoice): Repair[] {
  return repairs.flatMap((repair): Repair[] => {
    if (isOfRows(repair)) return [repair];
    // Of a label that a column has: it waits until that is taken again.
    if (repair.kind === 'set_label') return [];
    throw new HeadlightError(
      'bad-setting',
      'Classes of labels that are made here are changed where they are named, not by a repair.',
      { hint: `Undo the repair (${repair.kind}).` },
    );
  });
}

function isOfRows(
  repair: DataRepair,
): repair is Extract<Repair, { kind: 'drop_rows' | 'drop_duplicates' | 'drop_conflicting' }> {
  const { kind } = repair;
  return kind === 'drop_rows' || kind === 'drop_duplicates' || kind === 'drop_conflicting';
}

/** The audit's findings that mean something here: labels that teachers made tell nothing of a column that leaks them. */
function ownFinding(finding: AuditFinding): AuditFinding[] {
  if (finding.id === 'leaking_column' || finding.id === 'sorted_by_class') return [];
  const { repair } = finding;
  return [repair === null || isOfRows(repair) ? finding : { ...finding, repair: null }];
}

function madeLabels(
  state: LabellingState,
  data: LabelledTexts,
  { labelled, unlabelled, unmeasured }: FoundLabels,
  parts: readonly Part[],
  tested_by: MadeLabels['tested_by'],
): MadeLabels {
  const { settings, rows, hand, teachers } = state;
  const k = data.classes.length;
  const proposals = state.isWhole ? state.proposals : null;
  const soft = new Float32Array(labelled.length * k);
  const proposed = new Float32Array(labelled.length * k).fill(NaN);
  const confidence = new Float32Array(labelled.length).fill(1);
  labelled.forEach(({ row, source, labels }, index) => {
    const own = proposals?.probabilities.subarray(row * k, (row + 1) * k);
    if (own !== undefined) proposed.set(own, index * k);
    if (source === 'teacher' && own !== undefined) {
      soft.set(own, index * k);
      confidence[index] = proposals?.confidence[row] ?? 0;
    } else for (const label of labels) soft[index * k + label] = 1;
  });
  const counting = teachers.filter(({ done }) => done > 0 && done === rows.texts.length);
  const isHeld = (index: number): boolean => parts[index] !== 'train';
  const count = (wanted: (one: Found, index: number) => boolean): number =>
    labelled.filter(wanted).length;
  const record: LabellingRecord = {
    tested_by,
    rows: {
      hand: count(({ source }, index) => source === 'hand' && !isHeld(index)),
      teacher: count(({ source }) => source === 'teacher'),
      truth: count(({ source }) => source === 'truth'),
      held_out: count(({ source }, index) => source === 'hand' && isHeld(index)),
      left: unlabelled.length + unmeasured,
    },
    teachers: counting.map(({ name, key }) => ({ name, key })),
  };
  return {
    soft,
    confidence,
    source: labelled.map(({ source }) => source),
    proposed,
    tested_by,
    settings,
    unlabelled: unlabelledTexts(state, data, parts, unlabelled),
    teachers: record.teachers,
    record,
    recipe: {
      ...settings,
      // Those that have not gone through all texts had no part in it.
      teachers: settings.teachers.filter((_, index) => {
        const teacher = teachers[index];
        return teacher !== undefined && counting.includes(teacher);
      }),
      hand: [...hand.values()].filter((one) => rows.places.has(rowKey(one))),
    },
  };
}

/** Without those whose text, exactly or nearly, is measured on. */
function unlabelledTexts(
  { rows }: LabellingState,
  data: LabelledTexts,
  parts: readonly Part[],
  unlabelled: readonly number[],
): MadeLabels['unlabelled'] {
  if (unlabelled.length === 0) return { texts: [], origin: [] };
  const own = unlabelled.map((row) => rows.texts[row] ?? '');
  const groups = groupTexts({ texts: [...data.texts, ...own], pairs: null });
  const held = new Set<number>();
  parts.forEach((part, index) => {
    if (part !== 'train') held.add(groups.of[index] ?? 0);
  });
  const free = unlabelled.filter((_, at) => !held.has(groups.of[data.texts.length + at] ?? 0));
  return {
    texts: free.map((row) => rows.texts[row] ?? ''),
    origin: free.map((row) => originOf(rows.origin, row)),
  };
}

function originOf(origin: readonly RowOrigin[], row: number): RowOrigin {
  const one = origin[row];
  if (one === undefined) throw new HeadlightError('internal', `There is no row ${row}.`);
  return one;
}
