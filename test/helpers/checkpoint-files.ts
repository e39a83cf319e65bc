/** Checkpoints of `test/reference/checkpoints`, and files by hand: zips and pickles that torch would never write. */
import { readFileSync } from 'node:fs';
import { zipSync, type Zippable } from 'fflate';
import type { CheckpointTensor } from '../../src/models';

const FOLDER = new URL('../reference/checkpoints/', import.meta.url);

export interface GoldenTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Row-major, little-endian, base64. */
  readonly bytes: string;
}

export const goldenTensors = JSON.parse(
  readFileSync(new URL('tensors.json', FOLDER), 'utf8'),
) as Readonly<Record<string, Readonly<Record<string, GoldenTensor>>>>;

export function checkpointFile(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(name, FOLDER)));
}

/** Instructions of a pickle, each as bytes. */
export const op = {
  start: [0x80, 2],
  stop: [0x2e],
  none: [0x4e],
  false: [0x89],
  mark: [0x28],
  tuple: [0x74],
  noItems: [0x29],
  dict: [0x7d],
  setItems: [0x75],
  call: [0x52],
  build: [0x62],
  persistent: [0x51],
  text: (value: string) => [0x58, ...u32(value.length), ...ascii(value)],
  int: (value: number) => [0x4a, ...u32(value)],
  /** Signed, of eight bytes. */
  long: (value: bigint) => [
    0x8a,
    8,
    ...Array.from({ length: 8 }, (_, i) =>
      Number((BigInt.asUintN(64, value) >> BigInt(8 * i)) & 255n),
    ),
  ],
  global: (module: string, name: string) => [0x63, ...ascii(`${module}\n${name}\n`)],
  put: (index: number) => [0x71, index],
  get: (index: number) => [0x68, index],
} as const;

function tuple(...values: number[]): number[] {
  return [...op.mark, ...values.flatMap((value) => op.int(value)), ...op.tuple];
}

export interface HandMade {
  /** Instructions for each; default what a tensor [2, 3] of six floats has. */
  readonly storage?: readonly number[];
  /** Of the storage; default `0`. */
  readonly key?: string;
  readonly length?: readonly number[];
  readonly offset?: readonly number[];
  readonly shape?: readonly number[];
  readonly strides?: readonly number[];
  readonly hooks?: readonly number[];
}

/** A tensor, described as torch does, with whatever is to be wrong in it. */
export function tensorPickle(made: HandMade = {}): number[] {
  return [
    ...op.global('torch._utils', '_rebuild_tensor_v2'),
    ...op.mark,
    ...op.mark,
    ...op.text('storage'),
    ...(made.storage ?? op.global('torch', 'FloatStorage')),
    ...op.text(made.key ?? '0'),
    ...op.text('cpu'),
    ...(made.length ?? op.int(6)),
    ...op.tuple,
    ...op.persistent,
    ...(made.offset ?? op.int(0)),
    ...(made.shape ?? tuple(2, 3)),
    ...(made.strides ?? tuple(3, 1)),
    ...op.false,
    ...(made.hooks ?? [...op.global('collections', 'OrderedDict'), ...op.noItems, ...op.call]),
    ...op.tuple,
    ...op.call,
  ];
}

/** A state dict of one entry `weight`. */
export function statePickle(value: readonly number[]): Uint8Array {
  return Uint8Array.from([
    ...op.start,
    ...op.dict,
    ...op.mark,
    ...op.text('weight'),
    ...value,
    ...op.setItems,
    ...op.stop,
  ]);
}

/** What `torch.save` writes of these tensors, each with a storage of its own; nothing of it is aligned. */
export function torchFile(tensors: ReadonlyMap<string, CheckpointTensor>): Uint8Array {
  const storages: Record<string, string> = { F32: 'FloatStorage', F16: 'HalfStorage' };
  const entries = [...tensors];
  const pickle = Uint8Array.from([
    ...op.start,
    ...op.dict,
    ...op.mark,
    ...entries.flatMap(([name, { dtype, shape }], i) => {
      const strides = shape.map((_, axis) => count(shape.slice(axis + 1)));
      return [
        ...op.text(name),
        ...tensorPickle({
          storage: op.global('torch', storages[dtype] ?? ''),
          key: String(i),
          length: op.int(count(shape)),
          shape: tuple(...shape),
          strides: tuple(...strides),
        }),
      ];
    }),
    ...op.setItems,
    ...op.stop,
  ]);
  const parts = entries.map(([, { data }], i): [string, Uint8Array] => [`data/${i}`, data]);
  return archiveOf(pickle, Object.fromEntries(parts));
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** A zip as torch writes it, of these parts; nothing is compressed unless asked. */
export function archiveOf(
  pickle: Uint8Array,
  parts: Readonly<Record<string, Uint8Array>> = { 'data/0': new Uint8Array(24) },
  level: 0 | 9 = 0,
): Uint8Array {
  const files: Zippable = { 'archive/data.pkl': [pickle, { level }] };
  for (const [name, bytes] of Object.entries(parts)) files[`archive/${name}`] = [bytes, { level }];
  return zipSync(files);
}

function ascii(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}

function u32(value: number): number[] {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
}
