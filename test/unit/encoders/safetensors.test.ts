/** Checkpoints in safetensors are read to the last bit, written as the reference does, and never trusted. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HeadlightError, seededRandom } from '../../../src/base';
import {
  float32Values,
  int8Values,
  integerValues,
  readSafetensors,
  tensorOf,
  writeSafetensors,
  type CheckpointTensor,
} from '../../../src/models/checkpoints';

const folder = new URL('../../reference/encoders/', import.meta.url);
const file = readFileSync(new URL('types.safetensors', folder));
const golden = JSON.parse(readFileSync(new URL('types.json', folder), 'utf8')) as {
  values: Record<string, string[]>;
  shapes: Record<string, number[]>;
};
/** Python's `inf` and `-0.0`. */
const number = (text: string): number => Number(text.replace('inf', 'Infinity'));

function tensor(name: string, bytes: Uint8Array = file): CheckpointTensor {
  const found = readSafetensors(bytes).tensors.get(name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

/** A file from a header as text or object, and a body. */
function build(header: unknown, body = new Uint8Array(0)): Uint8Array {
  const text = new TextEncoder().encode(
    typeof header === 'string' ? header : JSON.stringify(header),
  );
  const bytes = new Uint8Array(8 + text.length + body.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(body, 8 + text.length);
  return bytes;
}

function refusal(bytes: Uint8Array): string {
  try {
    readSafetensors(bytes);
  } catch (error) {
    if (error instanceof HeadlightError && error.code === 'bad-model') return error.message;
    throw error;
  }
  return 'read';
}

describe('reading', () => {
  it('gives the floats that torch has, from 16, 32 and 64 bits', () => {
    for (const name of ['f32', 'f16', 'bf16', 'scalar'])
      expect(Array.from(float32Values(tensor(name), name)), name).toEqual(
        golden.values[name]?.map(number),
      );
    // float64 is rounded to float32.
    expect(Array.from(float32Values(tensor('f64'), 'f64'))).toEqual(
      golden.values['f64']?.map((text) => Math.fround(number(text))),
    );
  });

  it('gives integers, shapes and metadata', () => {
    expect(Array.from(int8Values(tensor('i8'), 'i8'))).toEqual([-128, 0, 127]);
    expect(integerValues(tensor('i32'), 'i32')).toEqual([-(2 ** 31), 5]);
    expect(integerValues(tensor('i64'), 'i64')).toEqual([-5, 2 ** 40]);
    const { tensors, metadata } = readSafetensors(file);
    expect(Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]))).toEqual(
      golden.shapes,
    );
    expect([...metadata]).toEqual([['format', 'pt']]);
  });

  it('views aligned floats in place, and copies those that are not', () => {
    for (let offset = 0; offset < 8; offset++) {
      const moved = new Uint8Array(file.length + offset);
      moved.set(file, offset);
      const values = float32Values(tensor('f32', moved.subarray(offset)), 'f32');
      expect(Array.from(values)).toEqual(golden.values['f32']?.map(number));
      expect(values.buffer === moved.buffer).toBe(offset % 4 === 0);
    }
  });

  it('refuses integers where floats belong, by name', () => {
    expect(() => float32Values(tensor('i8'), 'layer.weight')).toThrow(/"layer.weight" holds I8/);
  });

  it('refuses files that contradict themselves', () => {
    const f32 = (shape: unknown, data_offsets: unknown) => ({ dtype: 'F32', shape, data_offsets });
    const body = new Uint8Array(8);
    const cases: [string, Uint8Array, RegExp][] = [
      ['too short', new Uint8Array(7), /shorter than 8/],
      ['header too long', build('{}').fill(0xff, 0, 8), /header claims/],
      ['header past the end', build('{}').fill(9, 0, 1), /header claims/],
      ['no JSON', build('{"a"'), /not JSON/],
      ['an array', build('[]'), /not an object/],
      ['deep nesting', build('['.repeat(100_000)), /nested deeper/],
      ['deep inside', build(`{"a":{"b":${'['.repeat(9)}${']'.repeat(9)}}}`), /nested deeper/],
      [
        'unknown type',
        build({ a: { dtype: 'F12', shape: [], data_offsets: [0, 0] } }),
        /unknown type/,
      ],
      [
        'inherited type',
        build({ a: { dtype: 'toString', shape: [], data_offsets: [0, 0] } }),
        /unknown type/,
      ],
      ['negative size', build({ a: f32([-1], [0, 4]) }, body), /no proper shape/],
      ['fractional size', build({ a: f32([1.5], [0, 4]) }, body), /no proper shape/],
      ['huge shape', build({ a: f32([2 ** 40, 2 ** 40], [0, 4]) }, body), /has 4 bytes/],
      ['backwards', build({ a: f32([1], [8, 4]) }, body), /no proper place/],
      ['wrong size', build({ a: f32([1], [0, 8]) }, body), /has 8 bytes for F32/],
      ['past the end', build({ a: f32([4], [0, 16]) }, body), /cut short/],
      ['overlap', build({ a: f32([2], [0, 8]), b: f32([1], [4, 8]) }, body), /starts at byte 4/],
      ['gap', build({ a: f32([1], [4, 8]) }, body), /starts at byte 4/],
      ['rest', build({ a: f32([1], [0, 4]) }, body), /4 bytes at its end/],
      ['metadata', build({ __metadata__: { a: 1 } }), /metadata "a"/],
    ];
    for (const [name, bytes, message] of cases) expect(refusal(bytes), name).toMatch(message);
    expect(refusal(build({ a: f32([1], [0, 4]), b: f32([1], [4, 8]) }, body))).toBe('read');
  });

  it('refuses every truncation, and answers random damage with an error or a checkpoint', () => {
    for (let length = 0; length < file.length; length++)
      expect(refusal(file.subarray(0, length))).not.toBe('read');
    const random = seededRandom(2);
    for (let i = 0; i < 3000; i++) {
      const damaged = Uint8Array.from(file);
      damaged[random.integer(1100)] = random.integer(256);
      refusal(damaged); // anything but HeadlightError `bad-model` would throw
    }
  });
});

describe('writing', () => {
  it('writes what was read, byte for byte what the reference wrote', () => {
    expect(Buffer.from(writeSafetensors(readSafetensors(file).tensors)).equals(file)).toBe(true);
  });

  it('keeps names that JavaScript objects trip over, and aligns every tensor', () => {
    const tensors = new Map([
      ['__proto__', tensorOf(Int8Array.of(1, 2, 3), [3])],
      ['7', tensorOf(Float32Array.of(1.5), [1])],
      ['a "quoted"\nname', tensorOf(Float32Array.of(2.5, 3.5), [1, 2])],
    ]);
    const again = readSafetensors(writeSafetensors(tensors)).tensors;
    expect(new Set(again.keys())).toEqual(new Set(tensors.keys()));
    for (const [name, { dtype, shape, data }] of tensors) {
      expect(again.get(name)).toMatchObject({ dtype, shape, data });
      expect((again.get(name)?.data.byteOffset ?? 1) % (dtype === 'F32' ? 4 : 1)).toBe(0);
    }
  });
});
