/**
 * A CSV or TSV file to a table of columns (and a CoNLL file too, see `conll.ts`). The cells are Papa Parse's; what cannot be taken as it stands is
 * reported with its line: short rows are filled with empty cells, rows with too many cells are left out,
 * since no one can say which cell is the label.
 */
import Papa from 'papaparse';
import { HeadlightError } from '../base';
import { looksLikeConll, parseConll } from './conll';
import { decodeBytes, refuseBinary, refuseOtherText } from './decode';
import { isQuoted, sniffDelimiter, unifyRowEnds } from './dialect';
import { columnNames, findHeader } from './header';
import type { ParseSettings, RowProblem, FileBytes, Table } from './types';

/** A file of this name is CoNLL even where a line is wrong, so that the line is named. */
const CONLL_NAME = /\.conll[a-z]?$/i;
const HEADER_ROWS = 1000;
const DELIMITER_WORDS = { ',': 'comma', '\t': 'tab', ';': 'semicolon', '|': 'bar' } as const;

/**
 * @param settings what the person has set; the rest is found.
 * @throws HeadlightError `bad-file` when the file is empty, binary, or another format; `bad-table` when it
 *   has no rows below its header.
 */
export function parseTable(file: FileBytes, settings: ParseSettings = {}): Table {
  refuseBinary(file.name, file.bytes, settings.encoding);
  const { text: decoded, encoding } = decodeNamed(file, settings);
  refuseOtherText(file.name, decoded);
  if (decoded.trim() === '') {
    throw new HeadlightError('bad-file', `${file.name} holds only blank lines.`, {
      hint: 'Check that the file was saved and copied completely.',
    });
  }
  // A delimiter or a header that the person has set is of a table.
  const isConll =
    settings.format === undefined
      ? settings.delimiter === undefined &&
        settings.hasHeader === undefined &&
        (CONLL_NAME.test(file.name) || looksLikeConll(decoded))
      : settings.format === 'conll';
  if (isConll) return parseConll(file, decoded, encoding);
  const delimiter = settings.delimiter ?? sniffDelimiter(decoded, file.name);
  const quoting = isQuoted(decoded, delimiter);
  const text = unifyRowEnds(decoded, delimiter, quoting);
  const parsed = Papa.parse<string[]>(text, { delimiter, newline: '\n', fastMode: !quoting });

  const problems: RowProblem[] = [];
  const { rows, lines, lineOf } = withLines(parsed.data, quoting);
  for (const error of parsed.errors) {
    if (error.type !== 'Quotes') continue;
    const line = lineOf(error.row ?? 0);
    problems.push({
      line,
      problem:
        error.code === 'MissingQuotes'
          ? 'A quote opens a cell here and never closes; the rest of the file was read as that cell.'
          : 'A quote inside a quoted cell is not doubled; the cell may end elsewhere than meant.',
    });
  }

  const finding =
    settings.hasHeader === undefined
      ? findHeader(rows.slice(0, HEADER_ROWS))
      : { hasHeader: settings.hasHeader, reason: 'Set by you.' };
  const header = finding.hasHeader ? (rows[0] ?? []) : null;
  const firstRow = header === null ? 0 : 1;
  if (rows.length <= firstRow) {
    throw new HeadlightError('bad-table', `${file.name} has a header but no rows below it.`, {
      hint: 'Drop a file with at least a few rows of texts and labels.',
    });
  }
  const width = tableWidth(rows, header);

  const columns: string[][] = Array.from({ length: width }, () => []);
  const keptLines: number[] = [];
  const shape = { width, header: header !== null, separator: DELIMITER_WORDS[delimiter] };
  for (let index = firstRow; index < rows.length; index++) {
    const row = rows[index] ?? [];
    const line = lines[index] ?? 0;
    const problem = row.length === width ? null : raggedProblem(row, shape);
    if (problem !== null) problems.push({ line, problem: problem.text });
    if (problem?.leftOut === true) continue;
    keptLines.push(line);
    for (let column = 0; column < width; column++) columns[column]?.push(row[column] ?? '');
    if (row.some((cell) => cell.includes('\0'))) {
      problems.push({
        line,
        problem: 'A cell holds a NUL character; the file may be damaged there.',
      });
    }
  }
  if (keptLines.length === 0) {
    throw new HeadlightError(
      'bad-table',
      `No row of ${file.name} has as many cells as its header.`,
      {
        hint: 'Check the delimiter, and put cells that contain it in double quotes.',
      },
    );
  }
  const names = columnNames(header, width);
  return {
    name: file.name,
    columns: columns.map((cells, index) => ({
      name: names[index] ?? `column ${index + 1}`,
      cells,
    })),
    rowCount: keptLines.length,
    format: 'table',
    lines: Int32Array.from(keptLines),
    encoding,
    delimiter,
    hasHeader: header !== null,
    headerReason: finding.reason,
    problems: problems.sort((a, b) => a.line - b.line),
    problemCount: problems.length,
    rejected: { rows: [], count: 0, truncated: false },
  };
}

function decodeNamed(file: FileBytes, settings: ParseSettings): ReturnType<typeof decodeBytes> {
  try {
    return decodeBytes(file.bytes, settings.encoding);
  } catch (error) {
    if (!(error instanceof HeadlightError)) throw error;
    throw new HeadlightError(error.code, `${file.name}: ${error.message}`, {
      ...(error.hint === null ? {} : { hint: error.hint }),
      cause: error,
    });
  }
}

/** Rows without the empty lines, and the line each begins on, line breaks inside cells counted. */
function withLines(
  data: readonly string[][],
  quoting: boolean,
): { rows: string[][]; lines: number[]; lineOf: (parsedRow: number) => number } {
  const rows: string[][] = [];
  const lines: number[] = [];
  const starts = new Int32Array(data.length);
  let line = 1;
  data.forEach((row, index) => {
    starts[index] = line;
    const blank = row.length === 1 && (row[0] ?? '').trim() === '';
    if (!blank) {
      rows.push(row);
      lines.push(line);
    }
    line++;
    if (quoting) for (const cell of row) line += lineBreaks(cell);
  });
  return { rows, lines, lineOf: (row) => starts[Math.min(row, data.length - 1)] ?? 1 };
}

function lineBreaks(cell: string): number {
  if (!cell.includes('\n') && !cell.includes('\r')) return 0;
  return cell.match(/\r\n?|\n/g)?.length ?? 0;
}

/** The header's width, or that of most rows where the header is shorter (R leaves out a name). */
function tableWidth(rows: readonly string[][], header: readonly string[] | null): number {
  const counts = new Map<number, number>();
  for (let index = header === null ? 0 : 1; index < rows.length; index++) {
    const cells = rows[index]?.length ?? 0;
    counts.set(cells, (counts.get(cells) ?? 0) + 1);
  }
  let width = 1;
  let most = 0;
  for (const [cells, count] of counts) {
    if (count > most || (count === most && cells < width)) [width, most] = [cells, count];
  }
  if (header === null) return width;
  const below = rows.length - 1;
  return width > header.length && most > below / 2 ? width : header.length;
}

function raggedProblem(
  row: readonly string[],
  table: { width: number; header: boolean; separator: string },
): { text: string; leftOut: boolean } | null {
  const where = table.header ? 'the header has' : 'other rows have';
  const found = `${row.length} ${row.length === 1 ? 'cell' : 'cells'} where ${where} ${table.width}`;
  if (row.length < table.width) {
    return { text: `${found}; the missing ones were taken as empty.`, leftOut: false };
  }
  // Spreadsheets write empty cells at the end of a row; nothing is lost with them.
  if (row.slice(table.width).every((cell) => cell.trim() === '')) return null;
  return {
    text: `${found}; the row was left out. A cell that contains a ${table.separator} must stand in quotes.`,
    leftOut: true,
  };
}
