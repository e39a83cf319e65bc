import { expect, test } from 'vitest';
import { seededRandom, sha256, Sha256 } from '../../../src/base';

test('a hash of pieces is WebCrypto’s hash of the whole, however it is cut', async () => {
  const random = seededRandom(3);
  for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000, 100_003]) {
    const bytes = Uint8Array.from({ length }, () => random.integer(256));
    const hash = new Sha256();
    for (let at = 0; at < length;) {
      const size = 1 + random.integer(200);
      hash.update(bytes.subarray(at, at + size));
      at += size;
    }
    expect(hash.digest()).toBe(await sha256(bytes));
  }
});
