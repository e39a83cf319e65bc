/**
 * The protobuf wire format, as much of it as ONNX uses. Reading checks every length against the bytes
 * that are there, so a hostile file can neither read past its end nor make us allocate what it does not
 * hold. Fields that a caller does not know are kept as they are, byte for byte.
 *
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
import { HeadlightError } from '../../base';

export type WireType = 0 | 1 | 2 | 5;

/** A graph inside an attribute of a node inside a graph …: deeper than this is no real model. */
const MAX_DEPTH = 32;
/** A protobuf message holds at most 2 GiB. */
const MAX_BYTES = 0x7fffffff;

const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const utf8Encoder = new TextEncoder();

export function badModel(message: string, cause?: unknown): HeadlightError {
  return new HeadlightError('bad-model', message, {
    hint: 'Check that the file is a complete ONNX model; download or export it again.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * Reads one message, field after field: `while (reader.next()) switch (reader.field) { … }`.
 * Each case must take the field's value; a field nobody wants goes to `keep()`.
 */
export class MessageReader {
  field = 0;
  wireType: WireType = 0;
  readonly depth: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #where: string;
  #position = 0;
  #fieldStart = 0;
  #kept: Uint8Array[] = [];

  /** @param where what is being read, for error messages: `graph`, `tensor`. */
  constructor(bytes: Uint8Array, where: string, depth = 0) {
    if (depth > MAX_DEPTH) throw badModel(`The model nests graphs more than ${MAX_DEPTH} deep.`);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#where = where;
    this.depth = depth;
  }

  /** Moves to the next field; false at the end of the message. */
  next(): boolean {
    if (this.#position >= this.#bytes.length) return false;
    this.#fieldStart = this.#position;
    const tag = this.#varint();
    const field = Number(tag >> 3n);
    const wireType = Number(tag & 7n);
    if (field < 1 || field > 0x1fffffff) throw this.#broken(`field number ${field}`);
    if (wireType !== 0 && wireType !== 1 && wireType !== 2 && wireType !== 5)
      throw this.#broken(`wire type ${wireType}`);
    this.field = field;
    this.wireType = wireType;
    return true;
  }

  /** A signed 64-bit integer. */
  int64(): bigint {
    this.#expect(0);
    return BigInt.asIntN(64, this.#varint());
  }

  /** An integer that must fit a JavaScript number exactly. */
  integer(): number {
    const value = this.int64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER))
      throw this.#broken(`the integer ${value}`);
    return Number(value);
  }

  float(): number {
    this.#expect(5);
    return this.#view.getFloat32(this.#take(4), true);
  }

  /** A length-delimited value, as a view of the input. */
  bytes(): Uint8Array {
    this.#expect(2);
    const length = this.#varint();
    if (length > BigInt(this.#bytes.length - this.#position))
      throw this.#broken(
        `a length of ${length} bytes where ${this.#bytes.length - this.#position} are left`,
      );
    const start = this.#take(Number(length));
    return this.#bytes.subarray(start, start + Number(length));
  }

  string(): string {
    const bytes = this.bytes();
    try {
      return utf8Decoder.decode(bytes);
    } catch (error) {
      throw badModel(`A text in the model's ${this.#where} is not UTF-8.`, error);
    }
  }

  message(where: string): MessageReader {
    return new MessageReader(this.bytes(), where, this.depth + 1);
  }

  /** Repeated int64, packed or one value; appended to `into`. */
  int64s(into: bigint[]): void {
    if (this.wireType === 0) {
      into.push(this.int64());
      return;
    }
    const packed = this.#packed();
    while (packed.#position < packed.#bytes.length) into.push(BigInt.asIntN(64, packed.#varint()));
  }

  /** Repeated float, packed or one value; appended to `into`. */
  floats(into: number[]): void {
    if (this.wireType === 5) {
      into.push(this.float());
      return;
    }
    const packed = this.#packed();
    if (packed.#bytes.length % 4 !== 0)
      throw this.#broken('a list of floats that ends in the middle of one');
    for (let at = 0; at < packed.#bytes.length; at += 4)
      into.push(packed.#view.getFloat32(at, true));
  }

  /** Repeated double, packed or one value; appended to `into`. */
  doubles(into: number[]): void {
    if (this.wireType === 1) {
      into.push(this.#view.getFloat64(this.#take(8), true));
      return;
    }
    const packed = this.#packed();
    if (packed.#bytes.length % 8 !== 0)
      throw this.#broken('a list of doubles that ends in the middle of one');
    for (let at = 0; at < packed.#bytes.length; at += 8)
      into.push(packed.#view.getFloat64(at, true));
  }

  /** Keeps the current field, tag and value, for `kept()`. */
  keep(): void {
    this.skip();
    this.keepRead();
  }

  /** Passes over the current field's value. */
  skip(): void {
    switch (this.wireType) {
      case 0:
        this.#varint();
        break;
      case 1:
        this.#take(8);
        break;
      case 2:
        this.bytes();
        break;
      case 5:
        this.#take(4);
        break;
    }
  }

  /** As `keep`, for a field whose value was taken already and turned out to be something to keep. */
  keepRead(): void {
    this.#kept.push(this.#bytes.subarray(this.#fieldStart, this.#position));
  }

  /** Every kept field, ready to be written again; null when there was none. */
  kept(): Uint8Array | null {
    return this.#kept.length === 0 ? null : concatenate(this.#kept);
  }

  #packed(): MessageReader {
    return new MessageReader(this.bytes(), this.#where, this.depth);
  }

  #expect(wireType: WireType): void {
    if (this.wireType !== wireType)
      throw this.#broken(`field ${this.field} with wire type ${this.wireType}`);
  }

  #take(length: number): number {
    const start = this.#position;
    if (length > this.#bytes.length - start) throw this.#broken('its end in the middle of a value');
    this.#position = start + length;
    return start;
  }

  #varint(): bigint {
    let low = 0;
    // Up to four bytes fit a 32-bit integer; nearly every varint of a model is that short.
    for (let i = 0; i < 4; i++) {
      const byte = this.#bytes[this.#position];
      if (byte === undefined) throw this.#broken('its end in the middle of a number');
      this.#position++;
      low |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#position];
      if (byte === undefined) throw this.#broken('its end in the middle of a number');
      this.#position++;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw this.#broken('a number of more than 64 bits');
  }

  #broken(what: string): HeadlightError {
    return badModel(`This is not a readable ONNX model: its ${this.#where} has ${what}.`);
  }
}

/** Smaller pieces are gathered in one buffer: a graph has tens of thousands of them. */
const GATHERED = 1024;

/** Writes one message. Large byte arrays are not copied before `finish()`. */
export class MessageWriter {
  readonly #parts: Uint8Array[] = [];
  #length = 0;
  /** What was written since the last part. */
  #open = new Uint8Array(64);
  #used = 0;

  int(field: number, value: bigint | number): this {
    this.#varint(field * 8);
    return this.#varint(value);
  }

  float(field: number, value: number): this {
    this.#varint(field * 8 + 5);
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#push(bytes);
  }

  bytes(field: number, value: Uint8Array): this {
    this.#varint(field * 8 + 2);
    this.#varint(value.length);
    return this.#push(value);
  }

  string(field: number, value: string): this {
    return this.bytes(field, utf8Encoder.encode(value));
  }

  message(field: number, message: MessageWriter): this {
    this.#varint(field * 8 + 2);
    this.#varint(message.#length);
    for (const part of message.#parts) this.#push(part);
    return this.#push(message.#open.subarray(0, message.#used));
  }

  /** Fields kept by a reader. */
  kept(fields: Uint8Array | null | undefined): this {
    return fields ? this.#push(fields) : this;
  }

  finish(): Uint8Array {
    if (this.#length > MAX_BYTES)
      throw new HeadlightError(
        'bad-model',
        'The model is larger than the 2 GB that an ONNX file holds.',
        {
          hint: 'Choose int8 weights or a smaller encoder.',
        },
      );
    return concatenate([...this.#parts, this.#open.subarray(0, this.#used)]);
  }

  #push(bytes: Uint8Array): this {
    if (bytes.length >= GATHERED) {
      if (this.#used > 0) this.#parts.push(this.#open.slice(0, this.#used));
      this.#used = 0;
      this.#parts.push(bytes);
    } else {
      this.#reserve(bytes.length);
      this.#open.set(bytes, this.#used);
      this.#used += bytes.length;
    }
    this.#length += bytes.length;
    return this;
  }

  #varint(value: bigint | number): this {
    this.#reserve(10);
    const start = this.#used;
    // Nearly every number of a model fits 31 bits, where integers cost a tenth of what big ones do.
    if (value >= 0 && value < 0x80000000) {
      let small = Number(value);
      for (; small >= 0x80; small >>>= 7) this.#open[this.#used++] = (small & 0x7f) | 0x80;
      this.#open[this.#used++] = small;
    } else {
      let rest = BigInt.asUintN(64, BigInt(value));
      for (; rest >= 0x80n; rest >>= 7n) this.#open[this.#used++] = Number(rest & 0x7fn) | 0x80;
      this.#open[this.#used++] = Number(rest);
    }
    this.#length += this.#used - start;
    return this;
  }

  #reserve(count: number): void {
    if (this.#used + count <= this.#open.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#open.length, this.#used + count));
    larger.set(this.#open.subarray(0, this.#used));
    this.#open = larger;
  }
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
