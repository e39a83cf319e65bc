/**
 * Everything that is known of a project's labels at one moment: its rows, what each teacher says of them, what all of
 * them together propose, what the person said, and what the files hold of held-out rows.
 */
import { canonicalJson, HeadlightError, textHash } from '../../base';
import type { Table } from '../../data';
import {
  combineVotes,
  compileRules,
  LABELLING_DEFAULTS,
  matchesOf,
  type HandLabel,
  type LabellingSettings,
  type Proposals,
  type TeacherSettings,
  type Votes,
} from '../../learning/labelling';
import type { DataChoice, KeptVotes, LabellingStore } from '../../project';
import { labellingRows, madeChoice, rowKey, type LabellingRows } from './rows';
import { teacherKey, teacherName } from './teacher-key';

export interface TeacherState {
  readonly key: string;
  readonly name: string;
  /** [rows, classes]; NaN where it does not vote, or has not gone through the row. */
  readonly votes: Votes;
  /** Rows that it has gone through, and those it votes for. */
  readonly done: number;
  readonly voted: number;
  /** Of rules that have gone through all rows: how many of them each matches; null where that would take long. */
  readonly matches: readonly number[] | null;
}

export interface LabellingState {
  readonly settings: LabellingSettings;
  readonly rows: LabellingRows;
  /** `textHash` of each row's text. */
  readonly hashes: readonly string[];
  /** In the order of the settings. */
  readonly teachers: readonly TeacherState[];
  /**
   * What is proposed for each row: by the teachers that have gone through all of them; before one has, by what there
   * is. null before a teacher has begun.
   */
  readonly proposals: Proposals | null;
  /** Whether `proposals` are of teachers that have gone through all rows: only then labels are learned from them. */
  readonly isWhole: boolean;
  /** The label by hand that stands, by `rowKey`. */
  readonly hand: ReadonlyMap<string, HandLabel>;
  /** The last label that was made. */
  readonly last: HandLabel | null;
}

/**
 * The settings that fit a choice about the data: before anything is asked, its classes and no teacher; and where its
 * classes have changed since, what still fits them.
 */
export function fittedSettings(
  choice: DataChoice,
  before: LabellingSettings | null,
): LabellingSettings {
  const { classes, several } = madeChoice(choice);
  const known = new Map(before?.classes.map((one) => [one.name, one]));
  const isSame =
    before?.several === several &&
    classes.length === before.classes.length &&
    classes.every((name, at) => name === before.classes[at]?.name);
  if (before !== null && isSame) return before;
  const { accept, student } = before ?? LABELLING_DEFAULTS;
  const teachers: readonly TeacherSettings[] = before?.teachers ?? [];
  return {
    classes: classes.map((name) => known.get(name) ?? { name, description: '', examples: [] }),
    several,
    teachers: teachers.flatMap((teacher): TeacherSettings[] => {
      if (teacher.kind !== 'rules') return [teacher];
      const rules = teacher.rules.filter((rule) => classes.includes(rule.class));
      return rules.length === 0 ? [] : [{ ...teacher, rules }];
    }),
    accept: { ...accept, prior: null },
    student,
  };
}

/** The newest label of each row. */
export function standing(log: readonly HandLabel[]): Map<string, HandLabel> {
  return new Map(log.map((label) => [rowKey(label), label]));
}

/** All of it but the labels by hand, which change with every key that is pressed. */
type TeacherPart = Pick<
  LabellingState,
  'settings' | 'rows' | 'hashes' | 'teachers' | 'proposals' | 'isWhole'
>;

/** States of the project that was last used: reading votes again for each label that is made is too slow. */
export class LabellingStates {
  readonly #store: LabellingStore;
  #kept: {
    readonly key: string;
    readonly tables: readonly Table[];
    readonly part: TeacherPart;
    /** Labelled by hand, but in no file any more, or without a text. */
    readonly absent: ReadonlySet<string>;
  } | null = null;

  constructor(store: LabellingStore) {
    this.#store = store;
  }

  forget(): void {
    this.#kept = null;
  }

  /**
   * @param choice with a recipe's labelling, that counts in the place of what the project keeps; votes are the
   *   project's.
   * @throws HeadlightError `bad-setting` where the labels are not made here, or columns do not fit.
   */
  async of(project: string, tables: readonly Table[], choice: DataChoice): Promise<LabellingState> {
    madeChoice(choice);
    const log = choice.labelling?.hand ?? (await this.#store.hand(project));
    const hand = standing(log);
    const revision = await this.#store.revision(project, 'teachers');
    const key = JSON.stringify([project, { ...choice, repairs: [] }, revision]);
    const kept = this.#kept;
    const isKept =
      kept?.key === key &&
      kept.tables.length === tables.length &&
      kept.tables.every((table, at) => table === tables[at]) &&
      holds(kept.part.rows, kept.absent, hand);
    const last = log.at(-1) ?? null;
    if (isKept) return { ...kept.part, hand, last };
    const part = await this.#read(project, tables, choice, hand);
    const absent = new Set([...hand.keys()].filter((row) => !part.rows.places.has(row)));
    this.#kept = { key, tables, part, absent };
    return { ...part, hand, last };
  }

  async #read(
    project: string,
    tables: readonly Table[],
    choice: DataChoice,
    hand: ReadonlyMap<string, HandLabel>,
  ): Promise<TeacherPart> {
    const settings =
      choice.labelling ?? fittedSettings(choice, await this.#store.settings(project));
    checkNames(choice, settings);
    const rows = labellingRows(tables, choice, hand);
    const hashes = rows.texts.map(textHash);
    const teachers: TeacherState[] = [];
    for (const teacher of settings.teachers) {
      const key = await teacherKey(teacher, settings);
      const kept = await this.#store.votes(project, key, settings.classes.length, new Set(hashes));
      const votes = votesOf(kept, hashes, settings.classes.length);
      const isWhole = votes.done > 0 && votes.done === hashes.length;
      const matches = isWhole ? await ruleMatches(teacher, settings, rows.texts) : null;
      teachers.push({ key, name: teacherName(teacher), ...votes, matches });
    }
    const whole = teachers.filter(({ done }) => done > 0 && done === hashes.length);
    const begun = whole.length > 0 ? whole : teachers.filter(({ done }) => done > 0);
    const proposals =
      begun.length === 0
        ? null
        : combineVotes(
            begun.map(({ votes }) => votes),
            settings.classes.length,
            settings.several,
            settings.accept,
          );
    return { settings, rows, hashes, teachers, proposals, isWhole: whole.length > 0 };
  }
}

/** Rules times texts that are counted: half a second. */
const MOST_MATCHES = 50_000;

async function ruleMatches(
  teacher: TeacherSettings,
  { classes, several }: LabellingSettings,
  texts: readonly string[],
): Promise<readonly number[] | null> {
  if (teacher.kind !== 'rules') return null;
  const { rules } = teacher;
  if (rules.length * texts.length > MOST_MATCHES) return null;
  const names = classes.map(({ name }) => name);
  return matchesOf(await compileRules(rules, names, several), rules.length, texts);
}

/** Whether the rows are those that these labels by hand ask for. */
function holds(
  { places, extra }: LabellingRows,
  absent: ReadonlySet<string>,
  hand: ReadonlyMap<string, HandLabel>,
): boolean {
  if (extra.some((key) => !hand.has(key))) return false;
  for (const key of hand.keys()) if (!places.has(key) && !absent.has(key)) return false;
  return true;
}

function votesOf(
  kept: KeptVotes,
  hashes: readonly string[],
  classes: number,
): Pick<TeacherState, 'votes' | 'done' | 'voted'> {
  const votes = new Float32Array(hashes.length * classes).fill(NaN);
  let done = 0;
  let voted = 0;
  hashes.forEach((hash, row) => {
    const vote = kept.get(hash);
    if (vote === undefined) return;
    done++;
    if (vote.every(Number.isFinite)) voted++;
    votes.set(vote, row * classes);
  });
  return { votes, done, voted };
}

/** @throws HeadlightError `bad-setting` for a recipe whose classes stand otherwise in its two places. */
function checkNames(choice: DataChoice, { classes, several }: LabellingSettings): void {
  const label = madeChoice(choice);
  const names = classes.map(({ name }) => name);
  if (label.several === several && canonicalJson(names) === canonicalJson(label.classes)) return;
  throw new HeadlightError(
    'bad-setting',
    `The labels are ${label.classes.join(', ')}, but the teachers are asked for ${names.join(', ')}.`,
    { hint: 'Correct data.label and data.labelling of the recipe: they name the same classes.' },
  );
}
