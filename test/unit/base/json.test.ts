/** Promise: JSON from outside is refused before it costs anything: too large, too deep, cut short. */
import { describe, expect, it } from 'vitest';
import { readJson } from '../../../src/base';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('JSON from outside', () => {
  it('is read as JSON.parse reads it; brackets in texts are no levels', () => {
    const value = { a: [1, { b: '[[[{{{"\\' }], 'ü[': null };
    expect(readJson(bytes(JSON.stringify(value)), 'x.json', { maxDepth: 3 })).toEqual(value);
  });

  it.each([
    ['cut short', bytes('{"a": 1'), /x\.json is not JSON/],
    ['no UTF-8', Uint8Array.of(0x22, 0xff, 0x22), /x\.json is not JSON/],
    ['a million levels', bytes('['.repeat(1e6)), /nested deeper than 64 levels/],
    ['deep and whole', bytes('['.repeat(65) + ']'.repeat(65)), /nested deeper than 64 levels/],
    ['deep in objects', bytes('{"a":'.repeat(65) + '1' + '}'.repeat(65)), /nested deeper/],
    ['too large', new Uint8Array(64e6 + 1), /larger than 64 MB/],
  ])('%s is refused', (_what, content, message) => {
    expect(() => readJson(content, 'x.json')).toThrow(
      expect.objectContaining({
        code: 'bad-model',
        message: expect.stringMatching(message) as string,
      }) as Error,
    );
  });

  it('64 levels are read', () => {
    expect(readJson(bytes('['.repeat(64) + ']'.repeat(64)), 'x.json')).toBeInstanceOf(Array);
  });
});
