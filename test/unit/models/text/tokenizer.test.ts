/** Promise: texts become the very token ids that Hugging Face's tokenizers give, truncation included. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadTokenizer } from '../../../../src/models/text';

const shipped = 'public/models/all-MiniLM-L6-v2';
const tokenizer = loadTokenizer(
  readFileSync(`${shipped}/tokenizer.json`),
  readFileSync(`${shipped}/tokenizer_config.json`),
);

interface GoldenCase {
  readonly text: string;
  readonly count: number;
  readonly [limit: string]: string | number | number[];
}
const golden = JSON.parse(
  readFileSync('test/reference/golden/tokenizer.json', 'utf8'),
) as GoldenCase[];

describe('a tokenizer loaded from tokenizer.json', () => {
  it.each(golden.map((one, index) => [index, one.text.slice(0, 40), one] as const))(
    'gives the ids of transformers for text %i (%j)',
    (_index, _shown, one) => {
      for (const limit of [3, 8, 64, 256])
        expect(tokenizer.encode(one.text, limit)).toEqual(one[limit]);
      expect(tokenizer.tokenCount(one.text)).toBe(one.count);
      expect(tokenizer.encodeWithNotice(one.text, 64).truncated).toBe(one.count > 64);
    },
  );

  it('knows its padding and how many special tokens it adds', () => {
    expect(tokenizer.padId).toBe(0);
    expect(tokenizer.specialTokens).toBe(2);
    expect(tokenizer.closingIds).toEqual([tokenizer.encode('a', 9).at(-1)]);
    expect(tokenizer.vocabularySize).toBe(30522);
  });

  it('survives half of a surrogate pair, which CSV files do hold', () => {
    expect(tokenizer.encode('broken \ud83d emoji', 64).at(-1)).toBe(102);
  });

  it('adds nothing for a tokenizer without special tokens, so that an empty text has no tokens', () => {
    const json = JSON.parse(readFileSync(`${shipped}/tokenizer.json`, 'utf8')) as object;
    const bare = loadTokenizer(
      new TextEncoder().encode(JSON.stringify({ ...json, post_processor: null })),
      null,
    );
    expect(bare.specialTokens).toBe(0);
    expect(bare.closingIds).toEqual([]);
    expect(bare.encode('', 8)).toEqual([]);
    expect(bare.encode('hello world again', 2)).toEqual([7592, 2088]);
  });

  it('refuses a limit that leaves no room for the text', () => {
    expect(() => tokenizer.encode('hello', 2)).toThrow(/maxTokens is 2/);
  });

  it('refuses files that are not a tokenizer', () => {
    const bytes = (text: string) => new TextEncoder().encode(text);
    for (const broken of ['', '{', '[]', '{}', '{"model":{"type":"Unheard"}}'])
      expect(() => loadTokenizer(bytes(broken), null)).toThrow(
        expect.objectContaining({ code: 'bad-model' }) as Error,
      );
  });
});
