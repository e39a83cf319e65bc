/** Promise: an index of parts is not believed: each tensor is in the file that it names, and in no other. */
import { describe, expect, it } from 'vitest';
import { HeadlightError } from '../../../../src/base';
import {
  readSafetensors,
  readShardIndex,
  readShards,
  tensorOf,
  writeSafetensors,
  type Checkpoint,
} from '../../../../src/models/checkpoints';
import { checkpointFile } from '../../../helpers/checkpoint-files';

const NAME = 'model.safetensors.index.json';
const bytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const [ONE, TWO] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
const tensor = tensorOf(Float32Array.of(1, 2), [2]);
const partOf = (...names: string[]): Uint8Array =>
  writeSafetensors(new Map(names.map((name) => [name, tensor])));

/** @param parts by name; default `a` in the first, `b` in the second. */
async function joined(
  map: unknown,
  parts: Readonly<Record<string, Uint8Array>> = { [ONE]: partOf('a'), [TWO]: partOf('b') },
): Promise<Checkpoint> {
  return readShards(readShardIndex(bytes({ weight_map: map }), NAME), NAME, (shard) => {
    const file = parts[shard];
    if (file === undefined) throw new HeadlightError('bad-model', `There is no ${shard}.`);
    return readSafetensors(file, shard);
  });
}

describe('an index', () => {
  it('brings the parts together, without copying them', async () => {
    const { tensors } = await joined({ a: ONE, b: TWO });
    expect([...tensors.keys()]).toEqual(['a', 'b']);
    const files = new Map<string, Uint8Array>();
    const all = await readShards(
      readShardIndex(checkpointFile(`bert-${NAME}`), NAME),
      NAME,
      (shard) => {
        const file = checkpointFile(`bert-${shard}`);
        files.set(shard, file);
        return readSafetensors(file, shard);
      },
    );
    const buffers = new Set([...files.values()].map(({ buffer }) => buffer));
    for (const { data } of all.tensors.values())
      expect(buffers.has(data.buffer as ArrayBuffer)).toBe(true);
  });

  it('names a tensor that is not where it says', async () => {
    await expect(joined({ a: ONE, b: ONE, c: TWO })).rejects.toThrow(
      /holds "b", which .* is in model-00001/,
    );
    await expect(joined({ a: ONE, b: TWO, c: TWO })).rejects.toThrow(
      /model-00002-of-00002\.safetensors does not hold "c"/,
    );
  });

  it('does not take a tensor twice', async () => {
    const parts = { [ONE]: partOf('a', 'b'), [TWO]: partOf('b') };
    await expect(joined({ a: ONE, b: TWO }, parts)).rejects.toThrow(/holds "b", which/);
  });

  it('names a part that is missing', async () => {
    await expect(joined({ a: ONE, b: TWO }, { [ONE]: partOf('a') })).rejects.toThrow(
      `There is no ${TWO}.`,
    );
  });

  it.each([
    '../model-00001-of-00002.safetensors',
    '/etc/passwd.safetensors',
    'a\\b.safetensors',
    'https://example.org/x.safetensors',
    '.safetensors',
    'pytorch_model.bin',
    'model.safetensors\u0000',
    '',
  ])('may not name the file %j', async (shard) => {
    await expect(joined({ a: shard })).rejects.toThrow(/cannot be a part of the model/);
  });

  it.each([
    ['not JSON', '<html>', /is not JSON/],
    ['without a map', {}, /no "weight_map"/],
    ['of a list', { weight_map: ['a'] }, /no "weight_map"/],
    ['that is empty', { weight_map: {} }, /names no tensors/],
    ['of numbers', { weight_map: { a: 1 } }, /names no file for "a"/],
    ['too deep', `{"weight_map":${'{"a":'.repeat(50)}1${'}'.repeat(51)}`, /nested deeper/],
  ])('%s is refused', (_, value, words) => {
    const read = (): unknown => readShardIndex(bytes(value), NAME);
    expect(read).toThrow(words);
    expect(read).toThrow(HeadlightError);
  });

  it('takes a tensor called __proto__ as any other', async () => {
    const map = JSON.parse(`{"__proto__": "${ONE}"}`) as unknown;
    const { tensors } = await joined(map, { [ONE]: partOf('__proto__') });
    expect([...tensors.keys()]).toEqual(['__proto__']);
  });

  it('refuses an index that names more than a model has', () => {
    const many = Object.fromEntries(Array.from({ length: 100_001 }, (_, i) => [`w${i}`, ONE]));
    expect(() => readShardIndex(bytes({ weight_map: many }), NAME)).toThrow(/names 100001 tensors/);
    const shards = Object.fromEntries(
      Array.from({ length: 1001 }, (_, i) => [`w${i}`, `model-${i}.safetensors`]),
    );
    expect(() => readShardIndex(bytes({ weight_map: shards }), NAME)).toThrow(/names 1001 files/);
  });
});
