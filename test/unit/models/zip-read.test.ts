/** Promise: a zip of any usual program is read where it lies; one that is broken or a bomb is refused, and says why. */
import { readFileSync } from 'node:fs';
import { zipSync, type Zippable } from 'fflate';
import { describe, expect, it } from 'vitest';
import { HeadlightError } from '../../../src/base';
import { fileOfBytes, type SourceFile } from '../../../src/data';
import { ZipFile } from '../../../src/models';

const FOLDER = new URL('../../reference/zips/', import.meta.url);
const CONFIG = '{"model_type": "bert"}'.repeat(40);
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const fixture = (name: string): SourceFile =>
  fileOfBytes(`${name}.zip`, new Uint8Array(readFileSync(new URL(`${name}.zip`, FOLDER))));
const packed = (files: Zippable): Uint8Array<ArrayBuffer> =>
  zipSync(files, { mtime: '1980-01-01T00:00:00' });

async function refusal(bytes: Uint8Array, name?: string): Promise<HeadlightError> {
  try {
    const zip = await ZipFile.open(fileOfBytes('a.zip', bytes));
    for (const one of name === undefined ? zip.names : [name]) await zip.read(one);
  } catch (error) {
    if (error instanceof HeadlightError) return error;
    throw error;
  }
  throw new Error('it was read');
}

describe('what Python’s zipfile writes', () => {
  it.each(['stored', 'deflated', 'streamed', 'zip64'])('%s', async (name) => {
    const zip = await ZipFile.open(fixture(name));
    expect(zip.names).toEqual(['model/config.json', 'model/read me.txt']);
    expect(text(await zip.read('model/config.json'))).toBe(CONFIG);
    expect(text(await zip.read('model/read me.txt'))).toBe('hello, zip\n');
  });

  it.each([
    ['bzip2', 'bzip2'],
    ['lzma', 'LZMA'],
    ['encrypted', 'encrypted with a password'],
    ['link', 'a link'],
  ])('%s: listed, and named when it is wanted', async (name, why) => {
    const zip = await ZipFile.open(fixture(name));
    expect(zip.names).toContain('model/config.json');
    await expect(zip.read('model/config.json')).rejects.toMatchObject({
      code: 'bad-file',
      message: expect.stringMatching(`model/config.json.*${why}`) as string,
    });
  });
});

describe('only what is asked for is read', () => {
  it('of a large zip its directory, and one entry in pieces', async () => {
    const large = new Uint8Array(20_000_000).map((_, at) => (at * 7919) % 251);
    const bytes = packed({ 'a.bin': [large, { level: 0 }], 'b.txt': new Uint8Array([104, 105]) });
    let read = 0;
    let largest = 0;
    const file: SourceFile = {
      name: 'a.zip',
      size: bytes.length,
      slice: async (start, end) => {
        read += Math.min(end, bytes.length) - start;
        largest = Math.max(largest, Math.min(end, bytes.length) - start);
        return bytes.subarray(start, end);
      },
    };
    const zip = await ZipFile.open(file);
    expect(text(await zip.read('b.txt'))).toBe('hi');
    expect(read).toBeLessThan(200_000);
    let at = 0;
    for await (const piece of zip.pieces('a.bin')) {
      expect(Buffer.compare(piece, large.subarray(at, at + piece.length))).toBe(0);
      at += piece.length;
    }
    expect(at).toBe(large.length);
    expect(largest).toBeLessThanOrEqual(4 * 2 ** 20);
  });
});

describe('what is refused', () => {
  const plain = packed({ 'config.json': new TextEncoder().encode(CONFIG) });
  const directory = (bytes: Uint8Array): number => {
    for (let at = bytes.length - 4; at >= 0; at--)
      if (text(bytes.subarray(at, at + 4)) === 'PK\x01\x02') return at;
    throw new Error('no directory');
  };
  const changed = (at: number, value: number, bytes = plain): Uint8Array => {
    const copy = bytes.slice();
    new DataView(copy.buffer).setUint32(at, value, true);
    return copy;
  };

  it('no zip at all, and a zip whose end is missing', async () => {
    for (const bytes of [
      new Uint8Array(),
      new TextEncoder().encode('text,label\n'),
      plain.slice(0, -30),
    ])
      expect(await refusal(bytes)).toMatchObject({
        code: 'bad-file',
        message: expect.stringContaining('not a zip') as string,
      });
  });

  it('a bomb: by what the directory declares, before anything is unpacked', async () => {
    const bomb = packed({ 'model.safetensors': [new Uint8Array(50_000_000), { level: 9 }] });
    expect(bomb.length).toBeLessThan(100_000);
    expect((await refusal(bomb)).message).toContain('more than it should');
  });

  it('an entry that is larger than it declares, as soon as it is', async () => {
    const bytes = packed({
      'config.json': [new Uint8Array(3_000_000).map((_, at) => at % 7), { level: 9 }],
    });
    const lying = changed(directory(bytes) + 24, 1000, bytes);
    const zip = await ZipFile.open(fileOfBytes('a.zip', lying));
    let seen = 0;
    await expect(
      (async () => {
        for await (const piece of zip.pieces('config.json')) seen += piece.length;
      })(),
    ).rejects.toMatchObject({ message: expect.stringContaining('larger than it says') as string });
    expect(seen).toBeLessThanOrEqual(1000);
  });

  it('content that is not what was packed', async () => {
    const stored = packed({ 'config.json': [new TextEncoder().encode(CONFIG), { level: 0 }] });
    const flipped = stored.slice();
    flipped[60] = (flipped[60] ?? 0) ^ 1;
    expect((await refusal(flipped)).message).toContain('config.json is not what was packed');
  });

  it('names that leave the folder', async () => {
    for (const name of ['../evil.json', 'a/../../evil.json', '/etc/passwd', 'C:/evil', '..\\evil'])
      expect((await refusal(packed({ [name]: new Uint8Array([1]) }))).message).toContain(
        'outside its folder',
      );
  });

  it('entries that lie over one another, or beyond the end', async () => {
    const two = packed({
      'a.txt': [new Uint8Array(500), { level: 0 }],
      'b.txt': [new Uint8Array(500), { level: 0 }],
    });
    // The second entry is said to lie where the first one does.
    expect((await refusal(changed(directory(two) + 42, 0, two))).message).toContain(
      'over one another',
    );
    expect((await refusal(changed(directory(plain) + 42, 5_000_000))).message).toContain(
      'beyond its end',
    );
  });

  it('more entries than a model has', async () => {
    const many: Zippable = {};
    for (let at = 0; at < 10_001; at++) many[`${at}.txt`] = new Uint8Array();
    expect((await refusal(packed(many))).message).toContain('more than it should');
  });
});
