/** Promise: a hash of pieces is the hash of the whole, and git names a file's content the same. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { GitBlobSha1, seededRandom, Sha1, Sha256 } from '../../../src/base';

const LENGTHS = [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000, 100_003];

describe.each([
  ['sha256', () => new Sha256()],
  ['sha1', () => new Sha1()],
] as const)('%s', (name, start) => {
  it('is what OpenSSL says, however the bytes are cut', () => {
    const random = seededRandom(3);
    for (const length of LENGTHS) {
      const bytes = Uint8Array.from({ length }, () => random.integer(256));
      const hash = start();
      for (let at = 0; at < length;) {
        const size = 1 + random.integer(200);
        hash.update(bytes.subarray(at, at + size));
        at += size;
      }
      expect(hash.digest()).toBe(createHash(name).update(bytes).digest('hex'));
    }
  });
});

describe('git’s name of a content', () => {
  // `printf … | git hash-object --stdin`
  it.each([
    ['', 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'],
    ['what is up, doc?', 'bd9dbf5aae1a3862dd1526723246b20206e5fc37'],
  ])('of “%s”', (text, name) => {
    const bytes = new TextEncoder().encode(text);
    const hash = new GitBlobSha1(bytes.length);
    hash.update(bytes);
    expect(hash.digest()).toBe(name);
  });
});
