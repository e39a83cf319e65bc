/** Promise: pairs of texts, and words that keep their places, are the very tokens transformers makes of them. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  encodePair,
  encodeWords,
  joinPair,
  loadTokenizer,
  textTokens,
} from '../../../../src/models/text';

const shipped = 'public/models/all-MiniLM-L6-v2';
const tokenizer = loadTokenizer(
  readFileSync(`${shipped}/tokenizer.json`),
  readFileSync(`${shipped}/tokenizer_config.json`),
);
type Encoding = readonly [readonly number[], readonly number[]];
interface Golden {
  readonly limits: readonly number[];
  readonly pairs: readonly (Record<string, Encoding> & { text: string; pair: string })[];
  readonly words: readonly (Record<string, Encoding> & { words: string[] })[];
}
const golden = JSON.parse(
  readFileSync('test/reference/golden/sequences.json', 'utf8'),
) as unknown as Golden;

describe('pairs of texts', () => {
  it.each(golden.pairs.map((one) => [one.text, one.pair, one] as const))(
    '%j and %j: ids and token types, the longer one cut first',
    (text, pair, one) => {
      const whole = tokenizer.tokenCount(text) + tokenizer.tokenCount(pair) - 1;
      for (const limit of golden.limits) {
        const { ids, types, truncated } = encodePair(tokenizer, text, pair, limit);
        expect([limit, ids, types]).toEqual([limit, ...(one[limit] ?? [])]);
        expect(truncated).toBe(whole > limit);
      }
    },
  );

  it('puts between two texts what the tokenizer has there: RoBERTa two tokens, GPT-2 none', () => {
    const json = JSON.parse(readFileSync(`${shipped}/tokenizer.json`, 'utf8')) as object;
    const withProcessor = (post_processor: unknown): ReturnType<typeof loadTokenizer> =>
      loadTokenizer(new TextEncoder().encode(JSON.stringify({ ...json, post_processor })), null);
    const [CLS, SEP] = [101, 102];
    const roberta = withProcessor({
      type: 'RobertaProcessing',
      sep: ['[SEP]', SEP],
      cls: ['[CLS]', CLS],
      trim_offsets: true,
      add_prefix_space: true,
    });
    const word = (text: string): number => tokenizer.encode(text, 9)[1] ?? -1;
    expect(encodePair(roberta, 'good', 'bad', 9).ids).toEqual([
      CLS,
      word('good'),
      SEP,
      SEP,
      word('bad'),
      SEP,
    ]);
    expect(encodePair(roberta, 'good good good', 'bad', 6)).toMatchObject({ truncated: true });
    const plain = encodePair(withProcessor(null), 'good', 'bad', 9);
    expect(plain.ids).toEqual([word('good'), word('bad')]);
  });

  it('of which only the first may be cut keep the second whole, and nothing is cut where that leaves no room', () => {
    const first = textTokens(tokenizer, 'good bad '.repeat(10));
    const second = textTokens(tokenizer, 'this example is good.');
    const special = 3;
    for (let limit = second.length + special + 1; limit < 40; limit++) {
      const { ids, types, truncated } = joinPair(tokenizer, first, second, limit);
      expect(ids).toHaveLength(Math.min(limit, first.length + second.length + special));
      expect(ids.slice(-second.length - 1, -1)).toEqual(second);
      expect(types.filter((type) => type === 1)).toHaveLength(second.length + 1);
      expect(truncated).toBe(limit < first.length + second.length + special);
    }
    // As the pipeline of transformers, whose tokenizer refuses to cut the first text down to nothing.
    const whole = joinPair(tokenizer, first, second, second.length + special);
    expect(whole.ids).toHaveLength(first.length + second.length + special);
    expect(whole.truncated).toBe(false);
  });

  it('refuses a limit without room for both', () => {
    expect(() => encodePair(tokenizer, 'a', 'b', 4)).toThrow(/4 tokens/);
  });
});

interface ByteLevel {
  readonly tokenizer: object;
  readonly text: readonly [string, readonly number[]];
  readonly words: readonly (Record<string, Encoding> & { words: string[] })[];
}

describe('words', () => {
  const firsts = (wordOf: readonly number[]): number[] => {
    const found: number[] = [];
    wordOf.forEach((word, at) => {
      if (word === found.length) found.push(at);
    });
    return found;
  };

  it.each(golden.words.map((one) => [one.words.slice(0, 4).join(' '), one] as const))(
    '%s …: ids, and where each word starts',
    (_, one) => {
      for (const limit of [3, 8, 12, 64]) {
        const { ids, firstTokens } = encodeWords(tokenizer, one.words, limit);
        const [expected = [], wordOf = []] = one[limit] ?? [];
        expect([limit, ids]).toEqual([limit, expected]);
        expect(Array.from(firstTokens)).toEqual(firsts(wordOf));
      }
    },
  );

  it('says when the end is cut off', () => {
    expect(encodeWords(tokenizer, ['one', 'two'], 4).truncated).toBe(false);
    expect(encodeWords(tokenizer, ['one', 'two'], 3).truncated).toBe(true);
    expect(encodeWords(tokenizer, ['antidisestablishmentarianism'], 4).truncated).toBe(true);
  });

  it('gives words of which the tokenizer leaves nothing an unknown token, so that each word has one', () => {
    const odd = ['before', '\u200b', 'between', '\u200e\u200f', 'after'];
    const known = odd.map((word) => (/\w/.test(word) ? word : '[UNK]'));
    const { ids, firstTokens } = encodeWords(tokenizer, odd, 64);
    const expected = golden.words.find(({ words }) => words.join() === known.join())?.[64];
    expect(ids).toEqual(expected?.[0]);
    expect(Array.from(firstTokens)).toEqual([1, 2, 3, 4, 5]);
  });

  const byteLevel = JSON.parse(readFileSync('test/reference/golden/words.json', 'utf8')) as Record<
    string,
    ByteLevel
  >;
  it.each(Object.keys(byteLevel))(
    '%s: a byte-level tokenizer reads each word after a space, and texts as before',
    (name) => {
      const { tokenizer: json, text, words } = byteLevel[name]!;
      const bytes = new TextEncoder().encode(JSON.stringify(json));
      const own = loadTokenizer(bytes, null);
      for (const one of words)
        for (const limit of [4, 9, 40]) {
          const [expected = [], wordOf = []] = one[limit] ?? [];
          const { ids, firstTokens } = encodeWords(own, one.words, limit);
          expect([one.words, limit, ids]).toEqual([one.words, limit, expected]);
          expect(Array.from(firstTokens)).toEqual(firsts(wordOf));
        }
      expect(own.encode(text[0], 99)).toEqual(text[1]);
      expect(own.encodeWord('the')).not.toEqual(own.encode('the', 99).slice(1, -1));
    },
  );
});
