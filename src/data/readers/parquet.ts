/**
 * Parquet to a table: hyparquet reads it, a group of rows at a time. A file that was cut off is refused; of
 * one that is damaged within a page hyparquet 1.31 can take a run of values of any length for true and end
 * the worker, which no caller can prevent.
 */
import { HeadlightError, ProgressMeter, throwIfAborted, type Job } from '../../base';
import type { SourceFile, Table } from '../types';
import { FieldsBuilder } from './values';

/** @throws HeadlightError `bad-file` when it is damaged, `bad-table` when it has no rows. */
export async function* readParquet(file: SourceFile, signal?: AbortSignal): Job<Table> {
  const { name, size } = file;
  const buffer = {
    byteLength: size,
    async slice(start: number, end?: number): Promise<ArrayBuffer> {
      throwIfAborted(signal);
      const bytes = await file.slice(start < 0 ? size + start : start, end ?? size);
      return new Uint8Array(bytes).buffer;
    },
  };
  // Fetched when the first such file is dropped: most people never drop one.
  const [{ parquetMetadataAsync, parquetReadObjects }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ]);
  const fields = new FieldsBuilder(name);
  try {
    const metadata = await parquetMetadataAsync(buffer);
    const total = Number(metadata.num_rows);
    const meter = new ProgressMeter(`Reading ${name}`, 'rows', total);
    yield meter.at(0);
    let rowStart = 0;
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows);
      const rows = await parquetReadObjects({
        file: buffer,
        metadata,
        compressors,
        rowStart,
        rowEnd,
      });
      rows.forEach((row, index) => fields.add(row, rowStart + index + 1));
      throwIfAborted(signal);
      rowStart = rowEnd;
      yield meter.at(rowEnd);
    }
    if (fields.rows.rowCount !== total) throw new Error(`${fields.rows.rowCount} of ${total} rows`);
  } catch (error) {
    if (error instanceof HeadlightError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new HeadlightError(
      'bad-file',
      `${name} cannot be read as Parquet: ${why.slice(0, 200)}`,
      {
        hint: 'The file may have been cut off. Save it again, or as CSV.',
        cause: error,
      },
    );
  }
  fields.rows.refuseEmpty(name, '{name} holds no rows.', 'Drop a file with at least a few rows.');
  return fields.rows.finish(fields.names, {
    name,
    format: 'parquet',
    encoding: 'utf-8',
    delimiter: ',',
    hasHeader: true,
    headerReason: 'Parquet names its columns.',
  });
}
