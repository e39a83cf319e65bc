/** An Excel workbook (.xlsx) to a table: read-excel-file reads it; one sheet, the first that has rows. */
import { HeadlightError, ProgressMeter, throwIfAborted, type Job } from '../../base';
import { TableBuilder } from '../builder';
import { columnNames, findHeader } from '../header';
import type { ParseSettings, SourceFile, Table } from '../types';
import { cellOf } from './values';
import { troubleOf } from './workbook-check';

/** Of the packed file. */
const LARGEST = 200_000_000;
const HEADER_ROWS = 1000;

/** @throws HeadlightError `bad-file` when it is damaged or too large, `bad-setting` for a sheet it has not. */
export async function* readXlsx(
  file: SourceFile,
  settings: ParseSettings,
  signal?: AbortSignal,
): Job<Table> {
  const { name, size } = file;
  const meter = new ProgressMeter(`Reading ${name}`, 'MB', size / 1e6);
  yield meter.at(0);
  if (size > LARGEST) throw tooLarge(name);
  const bytes = await file.slice(0, size);
  const trouble = troubleOf(bytes);
  if (trouble === 'too-large') throw tooLarge(name);
  if (trouble === 'too-wide') throw tooWide(name);
  if (trouble !== null) throw damaged(name, trouble.damaged);
  // Fetched when the first workbook is dropped.
  const { default: readWorkbook } = await import('read-excel-file/universal');
  let workbook: { sheet: string; data?: readonly (readonly unknown[])[] }[];
  try {
    workbook = await readWorkbook(new Uint8Array(bytes).buffer, { trim: false });
  } catch (error) {
    throw damaged(name, error);
  }
  throwIfAborted(signal);
  const sheets = workbook.map(({ sheet }) => sheet);
  const chosen =
    settings.sheet === undefined
      ? (workbook.find(({ data }) => data?.some(hasContent) === true) ?? workbook[0])
      : workbook.find(({ sheet }) => sheet === settings.sheet);
  if (chosen === undefined) {
    throw new HeadlightError('bad-setting', `${name} has no sheet “${settings.sheet ?? ''}”.`, {
      hint: `Its sheets are: ${sheets.join(', ')}.`,
    });
  }
  const { sheet, data } = chosen;
  // A sheet that is listed and not there.
  if (data === undefined) throw damaged(name, `sheet “${sheet}” is not in it`);
  yield meter.at(size / 1e6);
  return sheetTable(file.name, settings, { sheet, data }, sheets);
}

function sheetTable(
  name: string,
  settings: ParseSettings,
  { sheet, data }: { sheet: string; data: readonly (readonly unknown[])[] },
  sheets: readonly string[],
): Table {
  const rows = data
    .map((cells, index) => ({ cells: cells.map(cellOf), line: index + 1 }))
    .filter(({ cells }) => cells.some((cell) => cell.trim() !== ''));
  const finding =
    settings.hasHeader === undefined
      ? findHeader(rows.slice(0, HEADER_ROWS).map(({ cells }) => cells))
      : { hasHeader: settings.hasHeader, reason: 'Set by you.' };
  const header = finding.hasHeader ? (rows[0]?.cells ?? null) : null;
  const width = rows.reduce((most, { cells }) => Math.max(most, cells.length), 0);
  const builder = new TableBuilder();
  for (let column = 0; column < width; column++) builder.addColumn();
  for (const { cells, line } of header === null ? rows : rows.slice(1)) builder.addRow(cells, line);
  builder.refuseEmpty(
    name,
    `Sheet “${sheet}” of {name} has no rows${header === null ? '' : ' below its header'}.`,
    sheets.length > 1
      ? `Choose another sheet: ${sheets.join(', ')}.`
      : 'Drop a file with at least a few rows of texts and labels.',
  );
  const others = sheets.filter((other) => other !== sheet);
  return builder.finish(columnNames(header, width), {
    name,
    format: 'xlsx',
    encoding: 'utf-8',
    delimiter: ',',
    hasHeader: header !== null,
    headerReason: finding.reason,
    sheet,
    sheets,
    ...(others.length === 0
      ? {}
      : {
          notes: [
            `Sheet “${sheet}” was read; there ${others.length === 1 ? 'is' : 'are'} also ${others.join(', ')}.`,
          ],
        }),
  });
}

function hasContent(cells: readonly unknown[]): boolean {
  return cells.some((cell) => cell !== null && cell !== '');
}

function tooLarge(name: string): HeadlightError {
  return new HeadlightError('bad-file', `${name} is too large a workbook to be read at once.`, {
    hint: 'Open it in a spreadsheet program and save the sheet as CSV (UTF-8), then drop that.',
  });
}

function tooWide(name: string): HeadlightError {
  return new HeadlightError(
    'bad-file',
    `${name} reaches over more cells than can be read at once.`,
    {
      hint: 'Often one cell far to the right or far down is filled by accident: delete the rows and columns beyond the table and save it again, or save the sheet as CSV (UTF-8).',
    },
  );
}

function damaged(name: string, cause: unknown): HeadlightError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new HeadlightError(
    'bad-file',
    `${name} cannot be read as an Excel workbook: ${why.slice(0, 200)}`,
    {
      hint: 'Open it in a spreadsheet program and save it again, or as CSV (UTF-8).',
      cause,
    },
  );
}
