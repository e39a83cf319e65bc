/** A SentencePiece model becomes the tokenizer.json that transformers' converters make of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodePair, loadTokenizer, tokenizerOfVocabulary } from '../../../../src/models';

interface Case {
  readonly config: { readonly model_type: string };
  readonly name: string;
  readonly settings: object;
  readonly model: string;
  readonly vocabulary: number;
  readonly ids: readonly (readonly number[])[];
  readonly pairs: readonly (readonly number[])[];
}
const path = join(import.meta.dirname, '../../../reference/golden/sentencepiece.json');
const golden = JSON.parse(readFileSync(path, 'utf8')) as {
  texts: string[];
  pairs: [string, string][];
  cases: Case[];
  bpe: string;
};
const encoded = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const decoded = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

function made(one: Case, model = decoded(one.model)): Uint8Array {
  const files: Readonly<Record<string, Uint8Array>> = {
    [one.name]: model,
    'tokenizer_config.json': encoded(one.settings),
  };
  const json = tokenizerOfVocabulary(encoded(one.config), (name) => files[name] ?? null);
  if (json === null) throw new Error('no tokenizer');
  return json;
}

describe('as transformers', () => {
  test.each(golden.cases.map((one) => [one.config.model_type, one.settings, one] as const))(
    '%s, %j',
    (_type, settings, one) => {
      const tokenizer = loadTokenizer(made(one), encoded(settings));
      expect(tokenizer.vocabularySize).toBe(one.vocabulary);
      golden.texts.forEach((text, at) => {
        expect([text, tokenizer.encode(text, 512)]).toEqual([text, one.ids[at]]);
      });
      expect(golden.pairs.map(([a, b]) => encodePair(tokenizer, a, b, 512).ids)).toEqual(one.pairs);
    },
  );
});

const DEBERTA = golden.cases[0] as Case;
const file = decoded(DEBERTA.model);

/** A message of the wire format: [field, text | bytes | number][]; a number is a varint, or 32 bits as { f32 }. */
type Field = readonly [number, string | Uint8Array | number | { readonly f32: number }];
function message(...fields: readonly Field[]): Uint8Array {
  const out: number[] = [];
  const varint = (value: number): void => {
    for (; value >= 128; value = Math.floor(value / 128)) out.push((value % 128) | 128);
    out.push(value);
  };
  for (const [field, value] of fields) {
    if (typeof value === 'number') {
      varint(field * 8);
      varint(value);
    } else if (typeof value === 'object' && 'f32' in value) {
      varint(field * 8 + 5);
      out.push(...new Uint8Array(Float32Array.of(value.f32).buffer));
    } else {
      const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
      varint(field * 8 + 2);
      varint(bytes.length);
      for (const byte of bytes) out.push(byte);
    }
  }
  return Uint8Array.from(out);
}
const piece = (text: string, kind = 1, score = -1): Field => [
  1,
  message([1, text], [2, { f32: score }], [3, kind]),
];
const SPECIAL = [piece('[PAD]', 3), piece('[CLS]', 3), piece('[SEP]', 3), piece('[UNK]', 2)];

describe('a file that cannot be used is refused by its name', () => {
  test('the least that is needed is enough', () => {
    const tokenizer = loadTokenizer(
      made(DEBERTA, message(...SPECIAL, piece('▁a'), piece('b'))),
      null,
    );
    // [MASK] comes after the pieces, as transformers adds it.
    expect(tokenizer.vocabularySize).toBe(7);
    expect(tokenizer.encode('ab c', 16)).toEqual([1, 4, 5, 3, 2]);
    expect(tokenizer.encode('[MASK]', 16)).toEqual([1, 6, 2]);
  });

  test.each([
    ['cut off', file.subarray(0, file.length - 300), /^spm\.model cannot be used: it is cut off/],
    ['of other bytes', new TextEncoder().encode('version https://git-lfs'), /spm\.model cannot be/],
    ['empty', new Uint8Array(), /no piece for what is unknown/],
    ['without an unknown', message(piece('a')), /no piece for what is unknown/],
    ['with two', message(...SPECIAL, piece('a', 2)), /two pieces for what is unknown/],
    ['with a piece twice', message(...SPECIAL, piece('a'), piece('a')), /“a” stands in it twice/],
    ['with an empty piece', message(...SPECIAL, piece('')), /piece 4 is empty/],
    ['of another kind', message(...SPECIAL, piece('a', 99)), /piece 4 is of no known kind/],
    ['of no score', message(...SPECIAL, piece('a', 1, NaN)), /score of piece 4 is no number/],
    ['too long', message(...SPECIAL, piece('a'.repeat(1001))), /piece 4 has 1001 characters/],
    ['too large', new Uint8Array(17e6), /17 MB are more than any such file has/],
    ['made by words', message(...SPECIAL, [2, message([3, 3])]), /made by whole words, not by Un/],
    ['made by what', message(...SPECIAL, [2, message([3, 77])]), /the unknown algorithm 77/],
  ])('%s', (_, bytes, words) => {
    expect(() => made(DEBERTA, bytes)).toThrow(words);
  });

  test('BPE is not Unigram, and says what can be done', () => {
    expect(() => made(DEBERTA, decoded(golden.bpe))).toThrow(
      expect.objectContaining({
        code: 'bad-model',
        message: 'spm.model is made by BPE, not by Unigram.',
        hint: expect.stringContaining('save_pretrained') as string,
      }) as Error,
    );
  });
});

describe('the map of characters', () => {
  const mapped = (map: Uint8Array): Uint8Array =>
    message(...SPECIAL, piece('▁a'), [3, message([2, map])]);

  test.each([
    ['no trie', Uint8Array.of(0, 0, 0, 0)],
    ['a trie longer than itself', Uint8Array.of(8, 0, 0, 0, 1, 1, 1, 1)],
    ['a trie of odd length', Uint8Array.of(3, 0, 0, 0, 1, 1, 1, 1)],
    ['three bytes', Uint8Array.of(4, 0, 0)],
  ])('%s: refused', (_, map) => {
    expect(() => loadTokenizer(made(DEBERTA, mapped(map)), null)).toThrow(
      /map of characters is damaged/,
    );
  });

  test('in tokenizer.json it is read as Rust reads it, where the library would put NFKC', () => {
    const folded = golden.cases.at(-1) as Case;
    const tokenizer = loadTokenizer(made(folded), null);
    expect(tokenizer.encode('THE PARCEL', 64)).toEqual(tokenizer.encode('the parcel', 64));
    const json = JSON.parse(new TextDecoder().decode(made(folded))) as {
      normalizer: { normalizers: { precompiled_charsmap?: string }[] };
    };
    const [first] = json.normalizer.normalizers;
    if (first !== undefined) first.precompiled_charsmap = '#';
    expect(() => loadTokenizer(encoded(json), null)).toThrow(/not base64/);
  });
});
