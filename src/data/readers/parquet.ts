/**
 * Parquet to a table: hyparquet reads it, a group of rows at a time, after `parquet-check` has found each page
 * to be what it says; hyparquet 1.31 believes every length, and a damaged one would end the worker.
 */
import { HeadlightError, ProgressMeter, throwIfAborted, type Job } from '../../base';
import type { SourceFile, Table } from '../types';
import { checkGroup, checkRows, guarded, readFooter, type Decoders } from './parquet-check';
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
  const [hyparquet, { deltaBinaryUnpack }, packed] = await Promise.all([
    import('hyparquet'),
    import('hyparquet/src/delta.js'),
    import('hyparquet-compressors'),
  ]);
  const { parquetMetadata, parquetReadObjects, parquetSchema } = hyparquet;
  const compressors = guarded(packed);
  const lengths: Decoders['lengths'] = (bytes, start, count) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const reader = { view, offset: start };
    const found = new Int32Array(count);
    deltaBinaryUnpack(reader, count, found);
    return { lengths: found, end: reader.offset };
  };
  let unclear = 0;
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const stringFromBytes = (bytes: Uint8Array): string => {
    try {
      return decoder.decode(bytes);
    } catch {
      unclear++;
      return new TextDecoder().decode(bytes);
    }
  };
  const fields = new FieldsBuilder(name);
  try {
    const metadata = parquetMetadata(await readFooter(file));
    const total = checkRows(metadata);
    const schema = parquetSchema(metadata);
    const meter = new ProgressMeter(`Reading ${name}`, 'rows', total);
    yield meter.at(0);
    let rowStart = 0;
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows);
      await checkGroup(file, group, schema, { compressors, lengths });
      throwIfAborted(signal);
      const rows = await parquetReadObjects({
        file: buffer,
        metadata,
        compressors,
        parsers: { stringFromBytes },
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
        hint: 'The file is damaged or was cut off. Copy or download it again, or save it anew, best as CSV.',
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
    ...(unclear === 0
      ? {}
      : {
          notes: [
            `${unclear.toLocaleString('en-US')} different ${unclear === 1 ? 'text holds' : 'texts hold'} bytes that are no UTF-8, shown as �. The file may be damaged.`,
          ],
        }),
  });
}
