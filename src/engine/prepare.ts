/**
 * From stored files and a choice to what can be learned from: tables, labelled texts, a split. The same
 * function serves the page's summary, training, a run's rows and the command line, so that all of them
 * speak of the same rows.
 */
import { HeadlightError } from '../base';
import {
  findColumns,
  labelTexts,
  makeSplit,
  parseTable,
  type ColumnFindings,
  type LabelledTexts,
  type SourceFile,
  type Split,
  type Table,
} from '../data';
import type { DataChoice } from '../project';
import type { DataSummary, FileView } from './engine';

export interface Prepared {
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
    labelColumn: findings.label?.column ?? null,
    split: test === null ? { method: 'stratified', testShare: 0.2, seed: 0 } : { method: 'files' },
    parse: {},
  };
}

/** @throws HeadlightError `bad-file`, `bad-table`. */
export function readTables(
  files: readonly SourceFile[],
  choice: Pick<DataChoice, 'parse'>,
): Table[] {
  return files.map((file) => parseTable(file, choice.parse));
}

export function findings(tables: readonly Table[]): ColumnFindings {
  return findColumns(tables);
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
  const data = labelTexts(used, textColumn, labelColumn);
  const split = makeSplit(data, choice.split, choice.testFile);
  return { tables: used, data, split };
}

export function summarise({ data, split }: Prepared): DataSummary {
  const train = new Array<number>(data.classes.length).fill(0);
  const test = new Array<number>(data.classes.length).fill(0);
  for (const [part, counts] of [
    [split.train, train],
    [split.test, test],
  ] as const) {
    for (const index of part) {
      const label = data.labels[index] ?? -1;
      counts[label] = (counts[label] ?? 0) + 1;
    }
  }
  return {
    classes: data.classes.map((label, index) => ({
      label,
      train: train[index] ?? 0,
      test: test[index] ?? 0,
    })),
    trainRows: split.train.length,
    testRows: split.test.length,
    droppedFromTrain: split.droppedFromTrain.length,
    leftOut: data.leftOut,
    notes: split.notes,
  };
}

export function viewFile(table: Table, bytes: number): FileView {
  const preview: string[][] = [];
  for (let row = 0; row < Math.min(PREVIEW_ROWS, table.rowCount); row++) {
    preview.push(
      table.columns.map((column) => {
        const cell = column.cells[row] ?? '';
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
    problemCount: table.problems.length,
    problems: table.problems.slice(0, PROBLEMS_SHOWN),
  };
}
