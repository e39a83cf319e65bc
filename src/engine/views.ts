/** What the page and the command line are shown of files and of prepared data. */
import { classCounts, entityType, type Split, type Table } from '../data';
import type { FileRole } from '../project';
import type { DataSummary, FileView } from './engine';
import type { Prepared } from './prepare';

const PREVIEW_ROWS = 8;
const PREVIEW_CELL = 200;
const PROBLEMS_SHOWN = 20;

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

export function summarise({ task, data, split, changes, made }: Prepared): DataSummary {
  const { tags, classes } = data;
  const count = (part: Int32Array): readonly number[] =>
    tags === null ? [...classCounts(data, part)] : tagCounts(tags, part, classes.length);
  const train = count(split.train);
  const validation = count(split.validation);
  const test = count(split.test);
  return {
    task,
    classes: classes.map((label, index) => ({
      label,
      train: train[index] ?? 0,
      validation: validation[index] ?? 0,
      test: test[index] ?? 0,
    })),
    tokens: tags === null ? null : summariseTokens(tags, split, classes),
    trainRows: split.train.length,
    validationRows: split.validation.length,
    testRows: split.test.length,
    droppedFromTrain: split.droppedFromTrain.length,
    alsoInTraining: split.alsoInTraining.length,
    changes,
    leftOut: data.leftOut,
    notes: split.notes,
    ...(made === null ? {} : { labelling: made.record }),
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

export function viewFile(table: Table, role: FileRole, bytes: number): FileView {
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
    role,
    format: table.format,
    encoding: table.encoding,
    delimiter: table.delimiter,
    hasHeader: table.hasHeader,
    headerReason: table.headerReason ?? null,
    quotes: table.quotes ?? null,
    sheet: table.sheet ?? null,
    sheets: table.sheets ?? null,
    notes: table.notes ?? [],
    columnNames: table.columns.map((column) => column.name),
    preview,
    problemCount: table.problemCount,
    problems: table.problems.slice(0, PROBLEMS_SHOWN),
    rejectedCount: table.rejected.count,
  };
}
