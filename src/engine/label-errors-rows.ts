/**
 * Likely wrong labels a page at a time, each with the label that its row has now; what a person does about them:
 * mend, or say that the label is right; and all of them as a file.
 */
import { canonicalJson, HeadlightError, type Job } from '../base';
import { rowsCsv } from '../data';
import type { Storage } from '../platform';
import type { DataChoice, SetLabel } from '../project';
import type { ExportedFile, ProjectView } from './engine';
import { labelsOf } from './label-errors-found';
import {
  LabelErrorsStore,
  noneFound,
  type FoundErrors,
  type LookedAt,
  type StoredPlace,
  type StoredRow,
} from './label-errors-store';
import type {
  AlikePage,
  JudgedRow,
  LabelChange,
  LabelErrorPage,
  LabelErrorQuery,
  LabelErrorRow,
  LabelErrorState,
  LabelErrorsView,
  RowPlace,
} from './label-errors-types';
import type { Prepared } from './prepare';
import type { Projects } from './projects';

const MOST_ROWS = 200;

interface Parts {
  readonly projects: Projects;
  readonly storage: Storage;
}

/**
 * What the found rows depend on: not on labels that were mended by hand since; of labels that are made here, on what
 * teachers say and what of it is taken.
 */
export function choiceKey({
  record: { choice },
  made,
}: Pick<Prepared, 'made'> & { readonly record: { readonly choice: DataChoice } }): string {
  const repairs = choice.repairs.filter(({ kind }) => kind !== 'set_label');
  if (made === null) return canonicalJson({ ...choice, repairs });
  const teachers = made.teachers.map(({ key }) => key);
  return canonicalJson({ ...choice, repairs, teachers, accept: made.settings.accept });
}

/** @param prepared of now. */
export function viewOf(
  found: FoundErrors,
  prepared: Prepared & { readonly record: { readonly choice: DataChoice } },
  looked: LookedAt,
): LabelErrorsView {
  const { settings, at, rows, several, classes, confusions, agreement, notes, seconds } = found;
  const now = new PresentRows(prepared, looked);
  const states: Record<LabelErrorState, number> = { open: 0, kept: 0, mended: 0 };
  for (const row of found.listed) states[now.stateOf(row)] += 1;
  return {
    ...{ settings, at, rows, several, classes, confusions, agreement, notes, seconds },
    listed: found.listed.length,
    pairs: {
      listed: found.pairs.length,
      found: found.pairsFound,
      complete: found.pairsComplete,
    },
    outdated: found.choice !== choiceKey(prepared),
    states,
  };
}

/** null when nobody has looked, or the data cannot be read as it is now. */
export async function lastLabelErrors(
  { projects, storage }: Parts,
  project: string,
): Promise<LabelErrorsView | null> {
  const store = new LabelErrorsStore(storage);
  const found = await store.found(project);
  if (found === null) return null;
  try {
    return viewOf(found, await projects.prepare(project), await store.looked(project));
  } catch (error) {
    // What is wrong with the data is said where they are chosen.
    if (error instanceof HeadlightError && error.code !== 'internal') return null;
    throw error;
  }
}

/** @throws HeadlightError `not-found`, `bad-setting`. */
export async function labelErrorRows(
  parts: Parts,
  project: string,
  query: LabelErrorQuery,
): Promise<LabelErrorPage> {
  checkCount(query);
  const { found, now } = await open(parts, project);
  const { state, given, suggested, part, from, count } = query;
  const wanted = found.listed.filter(
    (row) =>
      now.has(row) &&
      (state === 'all' || now.stateOf(row) === state) &&
      (given === null || row.given.includes(given)) &&
      (suggested === null || row.suggested.includes(suggested)) &&
      (part === null || row.part === part),
  );
  return {
    total: wanted.length,
    rows: wanted.slice(from, from + count).map((row) => withRow(row, now)),
  };
}

/** @throws HeadlightError `not-found`, `bad-setting`. */
export async function alikePairs(
  parts: Parts,
  project: string,
  from: number,
  count: number,
): Promise<AlikePage> {
  checkCount({ from, count });
  const { found, now } = await open(parts, project);
  const wanted = found.pairs.filter(({ a, b }) => now.has(a) && now.has(b));
  return {
    total: wanted.length,
    pairs: wanted.slice(from, from + count).map(({ a, b, cosine, copies }) => ({
      a: now.row(a),
      b: now.row(b),
      cosine,
      copies,
    })),
  };
}

/** Remembers rows with the labels that they have now, or forgets them. */
export async function keepLabels(
  { projects, storage }: Parts,
  project: string,
  rows: readonly RowPlace[],
  kept: boolean,
): Promise<void> {
  const store = new LabelErrorsStore(storage);
  const now = new PresentRows(await projects.prepare(project), []);
  const before = await store.looked(project);
  const named = new Set(rows.map(keyOf));
  const others = before.filter((one) => !named.has(keyOf(one)));
  const added = rows.flatMap(({ file, row }) => {
    const labels = now.labelsOf({ file, row });
    if (labels === null)
      throw new HeadlightError('bad-setting', `${file} has no labelled row ${row + 1}.`);
    return [{ file, row, labels: [...labels] }];
  });
  await store.writeLooked(project, kept ? [...others, ...added] : others);
}

/** Of a file that was removed: another may come under its name. */
export async function forgetLooked(
  { storage }: Pick<Parts, 'storage'>,
  project: string,
  name: string,
): Promise<void> {
  const store = new LabelErrorsStore(storage);
  const before = await store.looked(project);
  const kept = before.filter(({ file }) => file !== name);
  if (kept.length < before.length) await store.writeLooked(project, kept);
}

/**
 * Adds, replaces or takes away `set_label` repairs; where labels are made here, labels by hand.
 * @throws HeadlightError `bad-setting`.
 */
export async function* mendLabels(
  { projects }: Parts,
  project: string,
  changes: readonly LabelChange[],
  signal?: AbortSignal,
): Job<ProjectView> {
  const prepared = await projects.prepare(project);
  for (const change of changes) checkChange(change, prepared);
  const { choice } = prepared.record;
  if (choice.label?.kind === 'made') return yield* labelByHand(projects, project, changes, signal);
  const newest = new Map(changes.map((change) => [keyOf(change), change]));
  const others = choice.repairs.filter(
    (repair) => repair.kind !== 'set_label' || !newest.has(keyOf(repair)),
  );
  const repairs = [...others, ...setLabels([...newest.values()])];
  return yield* projects.configure(project, { ...choice, repairs }, signal);
}

function setLabels(changes: readonly LabelChange[]): SetLabel[] {
  return changes.flatMap(({ file, row, labels }) =>
    labels === null ? [] : [{ kind: 'set_label', file, row, labels: [...labels] }],
  );
}

/** One after the other: what takes a label back is meant for the one before it. */
async function* labelByHand(
  projects: Projects,
  project: string,
  changes: readonly LabelChange[],
  signal?: AbortSignal,
): Job<ProjectView> {
  const { choice } = (await projects.load(project)).record;
  let waiting: LabelChange[] = [];
  for (const change of changes) {
    if (change.labels !== null) {
      waiting.push(change);
      continue;
    }
    if (waiting.length > 0) {
      const repairs = [...choice.repairs, ...setLabels(waiting)];
      yield* projects.configure(project, { ...choice, repairs }, signal);
      waiting = [];
    }
    const log = await projects.labels.hand(project);
    const last = log.findLastIndex((label) => keyOf(label) === keyOf(change));
    if (last >= 0) await projects.labels.replaceHand(project, log.toSpliced(last, 1));
  }
  const repairs = [...choice.repairs, ...setLabels(waiting)];
  return yield* projects.configure(project, { ...choice, repairs }, signal);
}

/** @throws HeadlightError `bad-setting` for labels that the row cannot have. */
export function checkChange({ file, row, labels }: LabelChange, { data }: Prepared): void {
  if (labels === null) return;
  const unknown = labels.find((label) => !data.classes.includes(label));
  if (unknown !== undefined) {
    throw new HeadlightError('bad-setting', `There is no label “${unknown}” here.`, {
      hint: `The labels are: ${data.classes.slice(0, 20).join(', ')}${data.classes.length > 20 ? ', …' : ''}.`,
    });
  }
  if (data.targets === null && labels.length !== 1)
    throw new HeadlightError('bad-setting', `${file}, row ${row + 1}: a row has one class here.`, {
      hint: 'Choose one class for it.',
    });
}

const HEADER = [
  'file',
  'line',
  'part',
  'text',
  'given',
  'suggested',
  'probability',
  'given_probability',
  'now',
  'state',
];

/** @throws HeadlightError `not-found`. */
export async function labelErrorsFile(parts: Parts, project: string): Promise<ExportedFile> {
  const { found, now, name } = await open(parts, project);
  const rows = found.listed.filter((row) => now.has(row)).map((row) => withRow(row, now));
  const csv = rowsCsv(
    HEADER,
    rows.map((row) => [
      row.origin.file,
      row.origin.line,
      row.part,
      row.text,
      row.given.join('; '),
      row.suggested.join('; '),
      row.probability,
      row.given_probability,
      row.labels.join('; '),
      row.state,
    ]),
  );
  return {
    name: `${name.replace(/\.[^.]+$/, '') || name}-likely-wrong-labels.csv`,
    mime: 'text/csv;charset=utf-8',
    bytes: new TextEncoder().encode(csv),
    containsTexts: true,
  };
}

async function open(
  { projects, storage }: Parts,
  project: string,
): Promise<{ readonly found: FoundErrors; readonly now: PresentRows; readonly name: string }> {
  const store = new LabelErrorsStore(storage);
  const found = await store.found(project);
  if (found === null) throw noneFound();
  const prepared = await projects.prepare(project);
  const now = new PresentRows(prepared, await store.looked(project));
  return { found, now, name: prepared.record.name };
}

function checkCount({ from, count }: { readonly from: number; readonly count: number }): void {
  if (Number.isInteger(from) && from >= 0 && Number.isInteger(count) && count > 0)
    if (count <= MOST_ROWS) return;
  throw new HeadlightError('bad-setting', `A page is of 1 to ${MOST_ROWS} rows.`);
}

function withRow(row: StoredRow, now: PresentRows): LabelErrorRow {
  const { suggested, probability, given_probability } = row;
  return { ...now.row(row), suggested, probability, given_probability };
}

function keyOf({ file, row }: RowPlace): string {
  return `${row}/${file}`;
}

/** Where a row of a file stands in prepared data; pages and strokes ask again and again. */
const known = new WeakMap<Prepared['data'], ReadonlyMap<string, number>>();

function placesOf(data: Prepared['data']): ReadonlyMap<string, number> {
  const before = known.get(data);
  if (before !== undefined) return before;
  const places = new Map(data.origin.map((origin, at) => [keyOf(origin), at]));
  known.set(data, places);
  return places;
}

/** The rows as they are now. */
class PresentRows {
  readonly #data: Prepared['data'];
  readonly #places: ReadonlyMap<string, number>;
  readonly #looked: ReadonlyMap<string, readonly string[]>;

  constructor({ data }: Prepared, looked: LookedAt) {
    this.#data = data;
    this.#places = placesOf(data);
    this.#looked = new Map(looked.map((one) => [keyOf(one), one.labels]));
  }

  /** Whether the row is still there, and labelled. */
  has(place: RowPlace): boolean {
    return this.#places.has(keyOf(place));
  }

  /** Names; null for a row that is not there. */
  labelsOf(place: RowPlace): readonly string[] | null {
    const at = this.#places.get(keyOf(place));
    if (at === undefined) return null;
    return labelsOf(this.#data, at).map((label) => this.#data.classes[label] ?? '');
  }

  stateOf(place: StoredPlace): LabelErrorState {
    const labels = this.labelsOf(place);
    if (labels === null || !isSame(labels, place.given)) return 'mended';
    const looked = this.#looked.get(keyOf(place));
    return looked !== undefined && isSame(looked, labels) ? 'kept' : 'open';
  }

  row(place: StoredPlace): JudgedRow {
    const { file, row, line, part, given } = place;
    const at = this.#places.get(keyOf(place));
    return {
      origin: { file, row, line },
      text: at === undefined ? '' : (this.#data.texts[at] ?? ''),
      given,
      labels: this.labelsOf(place) ?? [],
      part,
      state: this.stateOf(place),
    };
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name));
}
