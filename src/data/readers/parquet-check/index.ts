/**
 * Whether a Parquet file is what it says, before hyparquet decodes it: the description at its end, and each
 * group of rows before that one is read.
 */
import type { FileMetaData, RowGroup, SchemaTree } from 'hyparquet';
import { HeadlightError } from '../../../base';
import type { SourceFile } from '../../types';
import { checkChunk, type ColumnShape, type Decoders } from './chunk';
import { readStruct, type ThriftStruct } from './thrift';

export type { Decoders } from './chunk';
export { guarded } from './unpack';

/** Cells of a group, which is decoded as a whole. */
const MOST_CELLS = 100_000_000;

/** @returns the file's last bytes, its description checked. @throws Error when that is damaged. */
export async function readFooter({ size, slice }: Pick<SourceFile, 'size' | 'slice'>) {
  const end = await slice(Math.max(0, size - 8), size);
  const length = new DataView(end.buffer, end.byteOffset, end.length).getUint32(0, true);
  if (length > size - 12) throw new Error('its description is larger than the file');
  const footer = new Uint8Array(await slice(size - 8 - length, size));
  checkSchema(readStruct(footer.subarray(0, length), 0).struct);
  return footer;
}

/** The columns as a tree: each node is followed by as many children as it says, and nothing is left over. */
function checkSchema(description: ThriftStruct): void {
  const nodes = description.get(2);
  if (!Array.isArray(nodes)) throw new Error('its columns are not described');
  let missing = 1;
  for (const node of nodes as readonly unknown[]) {
    const children: unknown = node instanceof Map ? (node.get(5) ?? 0) : null;
    if (typeof children !== 'number' || children < 0 || missing === 0)
      throw new Error('the description of its columns is damaged');
    missing += children - 1;
  }
  if (missing !== 0) throw new Error('the description of its columns is damaged');
}

/** @throws Error when the numbers of rows do not fit each other. */
export function checkRows({ num_rows, row_groups }: FileMetaData): number {
  let rows = 0;
  for (const group of row_groups) rows += whole(group.num_rows, 'the number of rows of a group');
  if (rows !== whole(num_rows, 'the number of rows'))
    throw new Error(`${rows} of ${num_rows} rows are described`);
  return rows;
}

/**
 * Reads the columns of one group and checks every page of them.
 * @throws HeadlightError `bad-file` when a group is too large to be decoded at once; Error when one is damaged.
 */
export async function checkGroup(
  file: Pick<SourceFile, 'name' | 'size' | 'slice'>,
  group: RowGroup,
  schema: SchemaTree,
  decoders: Decoders,
): Promise<void> {
  const rows = whole(group.num_rows, 'the number of rows of a group');
  const described = group.columns.map(({ meta_data: meta }) => {
    if (meta === undefined) throw new Error('a column is not described');
    return meta;
  });
  const cells = described.reduce(
    (sum, meta) => sum + Math.max(rows, whole(meta.num_values, 'the number of values')),
    0,
  );
  if (cells > MOST_CELLS) {
    throw new HeadlightError(
      'bad-file',
      `${file.name} has a group of rows of ${cells.toLocaleString('en-US')} cells, more than can be read at once.`,
      {
        hint: 'Write it again in groups of at most 100,000 rows, or with fewer columns, or as CSV.',
      },
    );
  }
  for (const meta of described) {
    const first = Number(meta.dictionary_page_offset) || Number(meta.data_page_offset);
    const end = first + whole(meta.total_compressed_size, 'the size of a column');
    if (!(first >= 4 && end <= file.size)) throw new Error('a column lies outside of the file');
    const path = pathOf(schema, meta.path_in_schema);
    const leaf = path.at(-1)?.element;
    if (leaf?.type === undefined || leaf.type !== meta.type)
      throw new Error('a column has another type than its name');
    const repetitions = path.map(({ element }) => element.repetition_type);
    const shape: ColumnShape = {
      type: leaf.type,
      typeLength: leaf.type_length ?? 0,
      codec: meta.codec,
      mostDefinition: repetitions.slice(1).filter((kind) => kind !== 'REQUIRED').length,
      mostRepetition: repetitions.filter((kind) => kind === 'REPEATED').length,
      values: Number(meta.num_values),
      rows,
    };
    const name = meta.path_in_schema.join('.');
    try {
      checkChunk(await file.slice(first, end), shape, decoders);
    } catch (error) {
      if (error instanceof HeadlightError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`column “${name.slice(0, 80)}”: ${why}`, { cause: error });
    }
  }
}

/** From the root to the column. */
function pathOf(root: SchemaTree, names: readonly string[]): readonly SchemaTree[] {
  const path = [root];
  let at = root;
  for (const name of names) {
    const child = at.children.find(({ element }) => element.name === name);
    if (child === undefined) throw new Error(`a column “${name}” is not described`);
    path.push(child);
    at = child;
  }
  return path;
}

function whole(value: bigint | number | undefined, what: string): number {
  const number = Number(value);
  if (value !== undefined && Number.isSafeInteger(number) && number >= 0) return number;
  throw new Error(`${what} is missing or out of range`);
}
