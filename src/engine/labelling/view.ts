/** What is shown of labels that are made here: how far each teacher is, what is proposed, what was labelled by hand. */
import { wilsonInterval } from '../../learning/evaluate';
import type { Votes } from '../../learning/labelling';
import type { LabellingView, MeasuredShare, TeacherView } from '../labelling-types';
import { labelsOf } from './found-labels';
import type { LabellingState } from './state';

const BINS = 20;
/** Of several labels a label is proposed from here on. */
const PROPOSED_FROM = 0.5;

export function labellingView(state: LabellingState): LabellingView {
  const { settings, rows, teachers } = state;
  const measured = measuredRows(state);
  return {
    settings,
    rows: rows.texts.length,
    teachers: teachers.map(({ key, name, votes, done, voted, matches }): TeacherView => {
      const isWhole = done === rows.texts.length;
      return {
        key,
        name,
        done,
        rows: rows.texts.length,
        voted,
        accuracy: isWhole ? shareRight(state, measured, votes) : null,
        ...(matches === null ? {} : { matches }),
      };
    }),
    proposed: proposedView(state, measured),
    hand: handView(state),
    truth_rows: measured.filter(({ source }) => source === 'truth').length,
  };
}

export function handView({ settings, hand, last }: LabellingState): LabellingView['hand'] {
  const counts = new Map(settings.classes.map(({ name }) => [name, 0]));
  let labelled = 0;
  let heldOut = 0;
  let skipped = 0;
  for (const { labels, held_out: isHeldOut } of hand.values()) {
    if (labels === null) {
      skipped++;
      continue;
    }
    labelled++;
    if (isHeldOut) heldOut++;
    for (const name of labels) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return {
    labelled,
    held_out: heldOut,
    skipped,
    classes: settings.classes.map(({ name }) => counts.get(name) ?? 0),
    last,
  };
}

interface MeasuredRow {
  readonly row: number;
  readonly labels: readonly number[];
  readonly source: 'truth' | 'hand';
}

/** Rows of the test part whose label is known, by the file or by hand. */
function measuredRows(state: LabellingState): MeasuredRow[] {
  return labelsOf(state).labelled.flatMap(({ row, labels, part, source }) =>
    part === 'test' && source !== 'teacher' ? [{ row, labels, source }] : [],
  );
}

/** How often it is right where it votes; null where it votes for none of these rows. */
function shareRight(
  { settings }: LabellingState,
  measured: readonly MeasuredRow[],
  votes: Votes,
): MeasuredShare | null {
  const k = settings.classes.length;
  let rows = 0;
  let right = 0;
  for (const { row, labels } of measured) {
    const own = votes.subarray(row * k, (row + 1) * k);
    if (!own.every(Number.isFinite)) continue;
    rows++;
    const said = settings.several
      ? [...own.keys()].filter((index) => (own[index] ?? 0) >= PROPOSED_FROM)
      : [largest(own)];
    if (said.length === labels.length && said.every((index) => labels.includes(index))) right++;
  }
  if (rows === 0) return null;
  const [low, high] = wilsonInterval(right, rows);
  return { value: right / rows, low, high, rows };
}

function largest(values: Votes): number {
  let best = 0;
  for (let index = 1; index < values.length; index++)
    if ((values[index] ?? 0) > (values[best] ?? 0)) best = index;
  return best;
}

function proposedView(
  state: LabellingState,
  measured: readonly MeasuredRow[],
): LabellingView['proposed'] {
  const { settings, proposals, teachers } = state;
  if (proposals === null) return null;
  const classes = settings.classes.map(({ name }) => ({ name, proposed: 0, accepted: 0 }));
  const confidence = new Array<number>(BINS).fill(0);
  proposals.label.forEach((label, row) => {
    const one = classes[label];
    if (one === undefined) return;
    one.proposed++;
    if (proposals.accepted[row] === 1) one.accepted++;
    const bin = Math.min(BINS - 1, Math.floor((proposals.confidence[row] ?? 0) * BINS));
    confidence[bin] = (confidence[bin] ?? 0) + 1;
  });
  return {
    accuracy: state.isWhole ? shareRight(state, measured, proposals.probabilities) : null,
    classes,
    confidence,
    agreement: teachers.length < 2 ? null : agreementOf(state),
  };
}

/** Of the rows that several teachers vote for, the share on which all propose the same. */
function agreementOf({ settings, proposals, teachers, rows }: LabellingState): number | null {
  const k = settings.classes.length;
  let shared = 0;
  let agreed = 0;
  for (let row = 0; row < rows.texts.length; row++) {
    const voters = teachers.filter(({ votes }) => Number.isFinite(votes[row * k])).length;
    if (voters < 2) continue;
    shared++;
    if (proposals?.agreement[row] === 1) agreed++;
  }
  return shared === 0 ? null : agreed / shared;
}
