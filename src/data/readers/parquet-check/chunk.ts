/**
 * One column of one group of rows, page by page, before hyparquet reads it: sizes against the bytes that are
 * there, counts against each other, levels and places in a dictionary against what there can be. hyparquet
 * 1.31 takes all of them for true, and a damaged one would hang it, fill the memory or read other cells.
 */
import type { CompressionCodec, Compressors, ParquetType } from 'hyparquet';
import { crc32 } from '../../../base';
import { checkDeltaHead, readRuns } from './runs';
import { readStruct, structField, wholeField, type ThriftStruct } from './thrift';
import { checkSizes } from './unpack';

export interface ColumnShape {
  readonly type: ParquetType;
  /** Bytes of a value of fixed length. */
  readonly typeLength: number;
  readonly codec: CompressionCodec;
  readonly mostDefinition: number;
  readonly mostRepetition: number;
  /** Values in the chunk, empty ones too, as its description says. */
  readonly values: number;
  readonly rows: number;
}

export interface Decoders {
  readonly compressors: Compressors;
  /** `count` numbers of a delta encoding, and the byte after them. @throws Error */
  readonly lengths: (
    bytes: Uint8Array,
    start: number,
    count: number,
  ) => { readonly lengths: Int32Array; readonly end: number };
}

interface Page {
  /** Unpacked values (and levels, in the first version). */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly encoding: number;
  readonly values: number;
}

const DATA = 0;
const DICTIONARY = 2;
const DATA_V2 = 3;

/** @throws Error saying what is damaged. */
export function checkChunk(bytes: Uint8Array, column: ColumnShape, decoders: Decoders): void {
  let values = 0;
  let rows = 0;
  let dictionary: number | null = null;
  const isFlat = column.mostRepetition === 0;
  for (let at = 0; at < bytes.length - 1 && !(isFlat && rows >= column.rows);) {
    const { struct: head, end } = readStruct(bytes, at);
    const size = wholeField(head, 3, 'the size of a page');
    if (size > bytes.length - end) throw new Error('a page is larger than the part it stands in');
    const body = bytes.subarray(end, end + size);
    at = end + size;
    const sum = head.get(4);
    if (typeof sum === 'number' && sum >>> 0 !== crc32(body))
      throw new Error('a page does not have its checksum');
    const kind = head.get(1);
    if (kind === DICTIONARY) dictionary = checkDictionary(head, body, column, decoders);
    else {
      if (kind !== DATA && kind !== DATA_V2) throw new Error('a page is of an unknown kind');
      const page = kind === DATA ? dataPage : dataPageV2;
      const found = page(head, body, column, decoders, dictionary);
      values += found.values;
      rows += found.rows;
    }
    if (values > column.values) throw new Error('its pages hold more values than it says');
  }
  if (values !== column.values || rows !== column.rows)
    throw new Error(`${rows} rows were found where ${column.rows} should be`);
}

type Counted = { readonly values: number; readonly rows: number };

function unpack(
  packed: Uint8Array,
  length: number,
  { codec }: ColumnShape,
  { compressors }: Decoders,
): Uint8Array {
  checkSizes(codec, packed.length, length);
  if (codec === 'UNCOMPRESSED') return packed;
  const decompress = compressors[codec];
  if (decompress === undefined) throw new Error('it is packed in an unknown way');
  const bytes = decompress(packed, length);
  if (bytes.length !== length) throw new Error('a page holds more or less than it says');
  return bytes;
}

function checkDictionary(
  head: ThriftStruct,
  body: Uint8Array,
  column: ColumnShape,
  decoders: Decoders,
): number {
  const description = structField(head, 7);
  if (description === null) throw new Error('a page is not described');
  const count = wholeField(description, 1, 'the size of a dictionary');
  const bytes = unpack(body, wholeField(head, 2, 'the size of a page'), column, decoders);
  checkPlain(bytes, 0, count, column);
  return count;
}

function dataPage(
  head: ThriftStruct,
  body: Uint8Array,
  column: ColumnShape,
  decoders: Decoders,
  dictionary: number | null,
): Counted {
  const { description, values } = described(head, 5, column);
  const bytes = unpack(body, wholeField(head, 2, 'the size of a page'), column, decoders);
  let start = 0;
  const levels = (most: number): ReturnType<typeof countLevels> => {
    const [from, to] = prefixed(bytes, start);
    start = to;
    return countLevels(bytes, from, to, most, values);
  };
  const rows = column.mostRepetition === 0 ? values : levels(column.mostRepetition).none;
  const present = column.mostDefinition === 0 ? values : levels(column.mostDefinition).all;
  const encoding = wholeField(description, 2, 'the encoding of a page');
  const page = { bytes, start, encoding, values: present };
  checkValues(page, column, decoders, dictionary, false);
  return { values, rows };
}

function dataPageV2(
  head: ThriftStruct,
  body: Uint8Array,
  column: ColumnShape,
  decoders: Decoders,
  dictionary: number | null,
): Counted {
  const { description, values } = described(head, 8, column);
  const empty = wholeField(description, 2, 'the number of empty values');
  const pageRows = wholeField(description, 3, 'the number of rows');
  const definitionBytes = wholeField(description, 5, 'the size of the levels');
  const repetitionBytes = wholeField(description, 6, 'the size of the levels');
  const levelBytes = definitionBytes + repetitionBytes;
  if (levelBytes > body.length) throw new Error('the levels are larger than their page');
  const { mostRepetition, mostDefinition } = column;
  const rows =
    mostRepetition === 0
      ? values
      : countLevels(body, 0, repetitionBytes, mostRepetition, values).none;
  const present =
    mostDefinition === 0
      ? values
      : countLevels(body, repetitionBytes, levelBytes, mostDefinition, values).all;
  if (present !== values - empty || pageRows !== rows)
    throw new Error('a page holds other values than it says');
  const whole = wholeField(head, 2, 'the size of a page') - levelBytes;
  const rest = body.subarray(levelBytes);
  const bytes = description.get(7) === false ? rest : unpack(rest, whole, column, decoders);
  const encoding = wholeField(description, 4, 'the encoding of a page');
  checkValues({ bytes, start: 0, encoding, values: present }, column, decoders, dictionary, true);
  return { values, rows };
}

/** What the head says of a page of values, in this field of it, and how many values (empty ones too) it counts. */
function described(
  head: ThriftStruct,
  field: number,
  column: ColumnShape,
): { readonly description: ThriftStruct; readonly values: number } {
  const description = structField(head, field);
  if (description === null) throw new Error('a page is not described');
  const values = wholeField(description, 1, 'the number of values');
  if (values > column.values) throw new Error('a page holds more values than its column');
  return { description, values };
}

/** How many of the levels are 0, and how many are the deepest. */
function countLevels(
  bytes: Uint8Array,
  start: number,
  end: number,
  most: number,
  count: number,
): { readonly none: number; readonly all: number } {
  let none = 0;
  let all = 0;
  readRuns(bytes, start, end, { width: 32 - Math.clz32(most), count, most }, (level, times) => {
    if (level === 0) none += times;
    if (level === most) all += times;
  });
  return { none, all };
}

/** What follows four bytes that say how long it is. */
function prefixed(bytes: Uint8Array, start: number): readonly [start: number, end: number] {
  if (start + 4 > bytes.length) throw new Error('a page ends before its levels do');
  const length = new DataView(bytes.buffer, bytes.byteOffset + start).getUint32(0, true);
  const end = start + 4 + length;
  if (end > bytes.length) throw new Error('the levels are larger than their page');
  return [start + 4, end];
}

function checkValues(
  page: Page,
  column: ColumnShape,
  { lengths }: Decoders,
  dictionary: number | null,
  isV2: boolean,
): void {
  const { bytes, start, encoding, values } = page;
  if (values === 0) return;
  switch (encoding) {
    case 0:
      checkPlain(bytes, start, values, column);
      return;
    case 3:
      if (isV2 || column.type === 'BOOLEAN') {
        const [from, to] = prefixed(bytes, start);
        readRuns(bytes, from, to, { width: 1, count: values, most: 1 }, () => undefined);
        return;
      }
      throw new Error('a page is in an encoding that its type has not');
    case 2:
    case 8: {
      if (dictionary === null) throw new Error('a page needs a dictionary that is not there');
      if (column.type === 'BOOLEAN')
        throw new Error('a page is in an encoding that its type has not');
      const width = bytes[start];
      if (width === undefined) throw new Error('a page ends before its values do');
      if (width === 0 && dictionary > 0 && !isV2) return;
      const shape = { width, count: values, most: dictionary - 1 };
      readRuns(bytes, start + 1, bytes.length, shape, () => undefined);
      return;
    }
    case 5:
      checkDeltaHead(bytes, start, bytes.length);
      return;
    case 6:
    case 7: {
      checkDeltaHead(bytes, start, bytes.length);
      const first = lengths(bytes, start, values);
      if (encoding === 6) {
        checkLengths(first.lengths, bytes.length - first.end);
        return;
      }
      checkDeltaHead(bytes, first.end, bytes.length);
      const second = lengths(bytes, first.end, values);
      checkLengths(second.lengths, bytes.length - second.end);
      checkPrefixes(first.lengths, second.lengths);
      return;
    }
    case 9:
      if (values * fixedBytes(column) > bytes.length - start)
        throw new Error('a page ends before its values do');
      return;
    default:
      throw new Error(`a page is in the unknown encoding ${encoding}`);
  }
}

function checkLengths(lengths: Int32Array, room: number): void {
  let sum = 0;
  for (const length of lengths) {
    if (length < 0) throw new Error('a value has a length below 0');
    sum += length;
  }
  if (sum > room) throw new Error('a page ends before its values do');
}

/** What a value shares with the one before it is no longer than that one. */
function checkPrefixes(prefixes: Int32Array, suffixes: Int32Array): void {
  let before = 0;
  prefixes.forEach((prefix, index) => {
    if (prefix < 0 || prefix > before) throw new Error('a value repeats more than there is');
    before = prefix + (suffixes[index] ?? 0);
  });
}

function checkPlain(bytes: Uint8Array, start: number, count: number, column: ColumnShape): void {
  const short = 'a page ends before its values do';
  if (column.type === 'BOOLEAN') {
    if (Math.ceil(count / 8) > bytes.length - start) throw new Error(short);
    return;
  }
  if (column.type !== 'BYTE_ARRAY') {
    if (count * fixedBytes(column) > bytes.length - start) throw new Error(short);
    return;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = start;
  for (let index = 0; index < count; index++) {
    if (at + 4 > bytes.length) throw new Error(short);
    at += 4 + view.getUint32(at, true);
  }
  if (at > bytes.length) throw new Error(short);
}

function fixedBytes({ type, typeLength }: ColumnShape): number {
  if (type === 'INT32' || type === 'FLOAT') return 4;
  if (type === 'INT64' || type === 'DOUBLE') return 8;
  if (type === 'INT96') return 12;
  if (typeLength < 1) throw new Error('a column has values of no length');
  return typeLength;
}
