/**
 * safetensors: a u64 header length, a JSON header, then the tensors' bytes without gaps. Reading believes
 * nothing: every length, offset, type and shape is checked, so a hostile file can only be refused.
 *
 * Source: https://github.com/huggingface/safetensors#format
 */
import { HeadlightError } from '../../base';

/** Bits of one element, in the order of the reference implementation. */
const DTYPE_BITS = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

export type Dtype = keyof typeof DTYPE_BITS;
const DTYPE_ORDER = Object.keys(DTYPE_BITS);

export interface CheckpointTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Little-endian, row-major; a view into the file, at any alignment. */
  readonly data: Uint8Array;
}

export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** The reference implementation's limit. */
const MAX_HEADER_BYTES = 100_000_000;
/** A header is an object of objects of arrays. */
const MAX_JSON_DEPTH = 4;

/**
 * Reads a safetensors file. Tensor data are views into `bytes`.
 * @throws HeadlightError `bad-model` when it is not one, is cut short, or contradicts itself.
 */
export function readSafetensors(bytes: Uint8Array): Checkpoint {
  if (bytes.length < 8) throw damaged('it is shorter than 8 bytes');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = view.getBigUint64(0, true);
  if (headerLength > BigInt(MAX_HEADER_BYTES))
    throw damaged(`its header claims ${headerLength} bytes`);
  const start = 8 + Number(headerLength);
  if (start > bytes.length)
    throw damaged(`its header claims ${headerLength} bytes where ${bytes.length - 8} are left`);
  const header = parseHeader(bytes.subarray(8, start));
  // A plain Uint8Array: the subarray of Node's Buffer is a Buffer, whose slice does not copy.
  const body = new Uint8Array(bytes.buffer, bytes.byteOffset + start, bytes.length - start);

  const tensors = new Map<string, CheckpointTensor>();
  const metadata = new Map<string, string>();
  const spans: { name: string; begin: number; end: number }[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      if (!isRecord(entry)) throw damaged('its metadata are not an object');
      for (const [key, value] of Object.entries(entry)) {
        if (typeof value !== 'string') throw damaged(`its metadata "${key}" is not a text`);
        metadata.set(key, value);
      }
      continue;
    }
    const { dtype, shape, begin, end } = parseEntry(name, entry);
    const count = shape.reduce((product, dim) => product * dim, 1);
    const expected = (count * DTYPE_BITS[dtype]) / 8;
    if (!Number.isSafeInteger(expected) || end - begin !== expected)
      throw damaged(
        `the tensor "${name}" has ${end - begin} bytes for ${dtype} [${shape.join(', ')}]`,
      );
    if (end > body.length)
      throw damaged(
        `the tensor "${name}" ends at byte ${end} of ${body.length}: the file is cut short`,
      );
    spans.push({ name, begin, end });
    tensors.set(name, { dtype, shape, data: body.subarray(begin, end) });
  }

  // Contiguous: no two tensors share bytes, and no bytes belong to none.
  let at = 0;
  for (const { name, begin, end } of spans.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at) throw damaged(`the tensor "${name}" starts at byte ${begin}, not ${at}`);
    at = end;
  }
  if (at !== body.length) throw damaged(`${body.length - at} bytes at its end belong to no tensor`);
  return { tensors, metadata };
}

/**
 * Writes a safetensors file. The widest types come first, each by name, and the header is padded to 8
 * bytes: as the reference writer does, so that every tensor is aligned.
 * @param metadata default `format: pt`, without which some loaders refuse the file.
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, CheckpointTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const order = [...tensors].sort(
    ([nameA, a], [nameB, b]) =>
      DTYPE_ORDER.indexOf(b.dtype) - DTYPE_ORDER.indexOf(a.dtype) ||
      (nameA < nameB ? -1 : nameA > nameB ? 1 : 0),
  );
  const header: [string, unknown][] = [['__metadata__', { format: 'pt', ...metadata }]];
  let length = 0;
  for (const [name, { dtype, shape, data }] of order) {
    header.push([name, { dtype, shape, data_offsets: [length, length + data.byteLength] }]);
    length += data.byteLength;
  }
  // Not Object.fromEntries: a tensor may be called "__proto__" or "1".
  const json = `{${header.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
  const text = new TextEncoder().encode(json);
  const headerLength = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerLength + length).fill(0x20, 8, 8 + headerLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.set(text, 8);
  let at = 8 + headerLength;
  for (const [, { data }] of order) {
    bytes.set(data, at);
    at += data.byteLength;
  }
  return bytes;
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  checkDepth(bytes);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw damaged('its header is not JSON', error);
  }
  if (!isRecord(header)) throw damaged('its header is not an object');
  return header;
}

/** Refuses deep nesting before the JSON parser sees it. */
function checkDepth(bytes: Uint8Array): void {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inText) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) inText = false;
    } else if (byte === 0x22) inText = true;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > MAX_JSON_DEPTH) throw damaged('its header is nested too deeply');
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
}

function parseEntry(
  name: string,
  entry: unknown,
): { dtype: Dtype; shape: number[]; begin: number; end: number } {
  if (!isRecord(entry)) throw damaged(`the tensor "${name}" is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string' || !Object.hasOwn(DTYPE_BITS, dtype))
    throw damaged(`the tensor "${name}" has the unknown type ${JSON.stringify(dtype)}`);
  if (!isCounts(shape)) throw damaged(`the tensor "${name}" has no proper shape`);
  const [begin, end] = isCounts(offsets) && offsets.length === 2 ? offsets : [];
  if (begin === undefined || end === undefined || begin > end)
    throw damaged(`the tensor "${name}" has no proper place in the file`);
  return { dtype: dtype as Dtype, shape, begin, end };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return (
    Array.isArray(value) &&
    value.every((item) => Number.isSafeInteger(item) && (item as number) >= 0)
  );
}

function damaged(what: string, cause?: unknown): HeadlightError {
  return new HeadlightError('bad-model', `This is not a readable safetensors file: ${what}.`, {
    hint: 'Download or copy the file again; if it stays so, choose another model.',
    ...(cause === undefined ? {} : { cause }),
  });
}
