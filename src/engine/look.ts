/** Looks into a project's tables: the values of a column, and the rows that an audit finding names. */
import { HeadlightError } from '../base';
import {
  auditLength,
  binaryValue,
  partOf,
  type AuditFinding,
  type LabelChoice,
  type Part,
  type RowOrigin,
  type Table,
} from '../data';
import { truthCells, unlabelledTexts } from './labelling';
import type { Projects } from './projects';

/** More different values than this are not listed. */
const MOST_VALUES = 50;
/** Of the truth: each is the name of a class, or stands for one. */
const MOST_TRUE = 100;
/** Characters of a text that are shown. */
const SHOWN = 300;
/** Rows that are read at once. */
const MOST_ROWS = 100;

/** A value of a column, trimmed; rows that have it. */
export interface ColumnValue {
  readonly value: string;
  readonly rows: number;
  /** The part that it is named after; null when it names none. */
  readonly part: Part | null;
}

export interface ColumnValues {
  /** The commonest 50 (100 of the truth), most rows first. */
  readonly values: readonly ColumnValue[];
  /** All that there are. */
  readonly distinct: number;
}

/** A row as an audit finding shows it. */
export interface DataRow {
  /** At most 300 characters; '' of a row that was left out when its file was read. */
  readonly text: string;
  /** As the file says it. */
  readonly label: string;
}

export interface DataLook {
  /** The values of a column in the files that are trained on. @throws HeadlightError `bad-setting` for an unknown column. */
  columnValues(project: string, column: string): Promise<ColumnValues>;
  /**
   * Where labels are made here: what the column of the truth says of the rows that can be held out (of held-out files
   * or parts, else of all); of several labels each by itself. Empty without such a column.
   */
  truthValues(project: string): Promise<ColumnValues>;
  /** Text and label of up to 100 rows of the project's files, in the order that was asked. */
  dataRows(project: string, rows: readonly RowOrigin[]): Promise<readonly DataRow[]>;
  /** What there is to say of texts longer than a model reads; tokens are estimated from words. Empty when all are short. */
  longTexts(project: string, tokens: number): Promise<readonly AuditFinding[]>;
}

export async function columnValues(
  projects: Projects,
  project: string,
  column: string,
): Promise<ColumnValues> {
  const { record, tables } = await projects.load(project);
  const counts = new Map<string, number>();
  const used = tables.filter(({ name }) => record.choice.files[name] === 'train');
  for (const table of used) {
    for (const cell of columnOf(table, column).cells) {
      const value = cell.trim();
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
  }
  return commonest(counts, MOST_VALUES);
}

export async function truthValues(projects: Projects, project: string): Promise<ColumnValues> {
  const { record, tables } = await projects.load(project);
  const counts = new Map<string, number>();
  for (const value of truthCells(tables, record.choice))
    counts.set(value, (counts.get(value) ?? 0) + 1);
  return commonest(counts, MOST_TRUE);
}

function commonest(counts: ReadonlyMap<string, number>, most: number): ColumnValues {
  const values = [...counts]
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .slice(0, most)
    .map(([value, rows]) => ({ value, rows, part: partOf(value) }));
  return { values, distinct: counts.size };
}

export async function longTexts(
  projects: Projects,
  project: string,
  tokens: number,
): Promise<readonly AuditFinding[]> {
  const { record } = await projects.load(project);
  const isMade = record.choice.label?.kind === 'made';
  // Labels are still being made: the length of the texts does not wait for them.
  const data = isMade
    ? unlabelledTexts((await projects.labelling(project)).rows)
    : (await projects.prepare(project)).data;
  return auditLength(data, { tokens });
}

export async function dataRows(
  projects: Projects,
  project: string,
  rows: readonly RowOrigin[],
): Promise<readonly DataRow[]> {
  const { record, tables } = await projects.load(project);
  const { textColumn, textPairColumn, label } = record.choice;
  return rows.slice(0, MOST_ROWS).map(({ file, row }) => {
    const table = tables.find(({ name }) => name === file);
    if (table === undefined || row < 0 || row >= table.rowCount) return { text: '', label: '' };
    const texts = [textColumn, textPairColumn].flatMap((name) =>
      name === null ? [] : [cellOf(table, name, row).trim()],
    );
    const text = texts.join(' · ');
    return {
      text: text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text,
      label: label === null ? '' : labelOf(table, label, row),
    };
  });
}

function labelOf(table: Table, label: LabelChoice, row: number): string {
  if (label.kind === 'made') return '';
  if (label.kind !== 'columns') return cellOf(table, label.column, row).trim();
  return label.columns
    .filter((name) => binaryValue(cellOf(table, name, row).trim()) === 1)
    .join(', ');
}

/** A file of other columns has none of this name: nothing is shown of it. */
function cellOf(table: Table, name: string, row: number): string {
  return table.columns.find((column) => column.name === name)?.cells.at(row) ?? '';
}

function columnOf(table: Table, name: string): Table['columns'][number] {
  const found = table.columns.find((column) => column.name === name);
  if (found !== undefined) return found;
  throw new HeadlightError('bad-setting', `${table.name} has no column “${name}”.`, {
    hint: 'Choose a column that every training file has.',
  });
}
