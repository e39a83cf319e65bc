/**
 * From stored files and a choice to what can be learned from: tables, labelled texts, a split. The same
 * function serves the page's summary, training, a run's rows and the command line, so that all of them
 * speak of the same rows.
 */
import { HeadlightError, type Job } from '../base';
import {
  classCounts,
  entityType,
  findColumns,
  labelSentences,
  labelTexts,
  makeSplit,
  splitSentences,
  TAGS_COLUMN,
  WORDS_COLUMN,
  readTable,
  type ColumnFindings,
  type LabelledTexts,
  type SourceFile,
  type Split,
  type Table,
} from '../data';
import type { DataChoice, Task } from '../project';
import type { DataSummary, FileView } from './engine';

export interface Prepared {
  readonly task: Task;
  readonly tables: readonly Table[];
  readonly data: LabelledTexts;
  readonly split: Split;
}

const PREVIEW_ROWS = 8;
const PREVIEW_CELL = 200;
const PROBLEMS_SHOWN = 20;
const TEST_NAME = /(^|[^a-z])(test|dev|val|valid|validation|eval|holdout)([^a-z]|$)/i;

/**
 * Which of two files is the test part: the one whose name says so, else the smaller one.
 * @returns [train, test].
 */
export function orderFiles(tables: readonly [Table, Table]): [Table, Table] {
  const [a, b] = tables;
  const aIsTest = TEST_NAME.test(a.name);
  const bIsTest = TEST_NAME.test(b.name);
  if (aIsTest !== bIsTest) return aIsTest ? [b, a] : [a, b];
  return a.rowCount < b.rowCount ? [b, a] : [a, b];
}

/** The choice that is made for the person before they change anything. */
export function defaultChoice(tables: readonly Table[], findings: ColumnFindings): DataChoice {
  const [first, second] = tables;
  if (first === undefined) throw new HeadlightError('internal', 'a project without a file');
  const [train, test] = second === undefined ? [first, null] : orderFiles([first, second]);
  return {
    trainFile: train.name,
    testFile: test?.name ?? null,
    textColumn: findings.text?.column ?? null,
    textPairColumn: null,
    labelColumn: findings.label?.column ?? null,
    split: test === null ? { method: 'stratified', testShare: 0.2, seed: 0 } : { method: 'files' },
    parse: {},
  };
}

/** @throws HeadlightError `bad-file`, `bad-table`. */
export async function* readTables(
  files: readonly SourceFile[],
  choice: Pick<DataChoice, 'parse'>,
  signal?: AbortSignal,
): Job<Table[]> {
  const tables: Table[] = [];
  for (const file of files) tables.push(yield* readTable(file, choice.parse, signal));
  return tables;
}

export function findings(tables: readonly Table[]): ColumnFindings {
  const found = findColumns(tables);
  if (!tables.every(({ format }) => format === 'conll')) return found;
  return {
    ...found,
    text: { column: WORDS_COLUMN, reason: 'the words of a sentence, from a CoNLL file' },
    label: { column: TAGS_COLUMN, reason: 'a tag for each word' },
  };
}

/**
 * @throws HeadlightError `bad-setting` when a column or file is missing, `bad-labels` when the labels
 *   cannot be learned from.
 */
export function prepare(tables: readonly Table[], choice: DataChoice): Prepared {
  const { textColumn, labelColumn } = choice;
  if (textColumn === null || labelColumn === null) {
    const missing = textColumn === null ? 'text' : 'label';
    throw new HeadlightError('bad-setting', `No ${missing} column has been chosen.`, {
      hint: `Choose the column that holds the ${missing}s.`,
    });
  }
  if (textColumn === labelColumn) {
    throw new HeadlightError(
      'bad-setting',
      `Column “${textColumn}” cannot be text and label at once.`,
      {
        hint: 'Choose two different columns.',
      },
    );
  }
  if (choice.testFile === choice.trainFile) {
    throw new HeadlightError('bad-setting', 'Training and test file are the same.', {
      hint: 'Choose another test file, or split the one file.',
    });
  }
  const used = [choice.trainFile, ...(choice.testFile === null ? [] : [choice.testFile])].map(
    (name) => {
      const table = tables.find((candidate) => candidate.name === name);
      if (table === undefined)
        throw new HeadlightError('bad-setting', `There is no file ${name} here.`);
      return table;
    },
  );
  if (used.some(({ format }) => format === 'conll')) {
    const other = used.find(({ format }) => format !== 'conll');
    if (other !== undefined) {
      throw new HeadlightError(
        'bad-setting',
        `${other.name} is a table, the other file has a tag for each word (CoNLL).`,
        { hint: 'Give two files of the same kind.' },
      );
    }
    const data = labelSentences(used, WORDS_COLUMN, TAGS_COLUMN);
    const split = splitSentences(data, choice.split, choice.testFile);
    return { task: 'token_classification', tables: used, data, split };
  }
  const { textPairColumn } = choice;
  if (textPairColumn === textColumn || textPairColumn === labelColumn) {
    throw new HeadlightError(
      'bad-setting',
      `Column “${textPairColumn}” cannot be the second text too.`,
      { hint: 'Choose another column for the second texts, or none.' },
    );
  }
  const data = labelTexts(used, textColumn, labelColumn, textPairColumn);
  const split = makeSplit(data, choice.split, choice.testFile);
  return { task: 'classification', tables: used, data, split };
}

/** Words with each tag, in a part of the data. */
function tagCounts(tags: readonly Int32Array[], part: Int32Array, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const index of part) {
    for (const tag of tags[index] ?? []) counts[tag] = (counts[tag] ?? 0) + 1;
  }
  return counts;
}

/** Entities of each type, begun by `B-` or by an `I-` that goes on with nothing. */
function entityCounts(
  tags: readonly Int32Array[],
  part: Int32Array,
  classes: readonly string[],
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const index of part) {
    let before: string | null = null;
    for (const tag of tags[index] ?? []) {
      const label = classes[tag] ?? '';
      const type = entityType(label);
      if (type !== null && (label.startsWith('B-') || before !== type))
        counts.set(type, (counts.get(type) ?? 0) + 1);
      before = type;
    }
  }
  return counts;
}

export function summarise({ task, data, split }: Prepared): DataSummary {
  const { tags, classes } = data;
  const count = (part: Int32Array): readonly number[] =>
    tags === null ? [...classCounts(data, part)] : tagCounts(tags, part, classes.length);
  const train = count(split.train);
  const test = count(split.test);
  return {
    task,
    classes: classes.map((label, index) => ({
      label,
      train: train[index] ?? 0,
      test: test[index] ?? 0,
    })),
    tokens: tags === null ? null : summariseTokens(tags, split, classes),
    trainRows: split.train.length,
    testRows: split.test.length,
    droppedFromTrain: split.droppedFromTrain.length,
    leftOut: data.leftOut,
    notes: split.notes,
  };
}

function summariseTokens(
  tags: readonly Int32Array[],
  split: Split,
  classes: readonly string[],
): DataSummary['tokens'] {
  const words = (part: Int32Array): number =>
    part.reduce((sum, index) => sum + (tags[index]?.length ?? 0), 0);
  const train = entityCounts(tags, split.train, classes);
  const test = entityCounts(tags, split.test, classes);
  const types = [...new Set(classes.flatMap((label) => entityType(label) ?? []))];
  return {
    trainWords: words(split.train),
    testWords: words(split.test),
    entities: types.map((type) => ({
      type,
      train: train.get(type) ?? 0,
      test: test.get(type) ?? 0,
    })),
  };
}

export function viewFile(table: Table, bytes: number): FileView {
  const preview: string[][] = [];
  for (let row = 0; row < Math.min(PREVIEW_ROWS, table.rowCount); row++) {
    preview.push(
      table.columns.map((column) => {
        const cell = column.cells.at(row) ?? '';
        return cell.length > PREVIEW_CELL ? `${cell.slice(0, PREVIEW_CELL)}…` : cell;
      }),
    );
  }
  return {
    name: table.name,
    bytes,
    rows: table.rowCount,
    encoding: table.encoding,
    delimiter: table.delimiter,
    hasHeader: table.hasHeader,
    columnNames: table.columns.map((column) => column.name),
    preview,
    problemCount: table.problemCount,
    problems: table.problems.slice(0, PROBLEMS_SHOWN),
  };
}
