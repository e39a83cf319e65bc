/** A model without tokenizer.json gets the one that AutoTokenizer would make of its vocabulary. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodePair, loadTokenizer, tokenizerOfVocabulary } from '../../../../src/models';

interface Case {
  readonly config: { readonly model_type: string };
  readonly files: Readonly<Record<string, string>>;
  readonly ids: readonly (readonly number[])[];
  readonly pairs: readonly (readonly number[])[];
}
const path = join(import.meta.dirname, '../../../reference/golden/vocabulary.json');
const golden = JSON.parse(readFileSync(path, 'utf8')) as {
  texts: string[];
  pairs: [string, string][];
  cases: Case[];
};
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const made = (config: object, files: Readonly<Record<string, string>>): Uint8Array | null =>
  tokenizerOfVocabulary(bytes(JSON.stringify(config)), (name) =>
    files[name] === undefined ? null : bytes(files[name]),
  );

/** transformers 5 puts two [SEP] between, its own converter and the papers' code one, with which checkpoints were trained. */
function asTrained({ config, pairs }: Case): readonly (readonly number[])[] {
  if (config.model_type !== 'deberta') return pairs;
  return pairs.map((ids) => ids.filter((id, at) => !(id === 2 && ids[at + 1] === 2)));
}

describe('as AutoTokenizer', () => {
  test.each(golden.cases.map((one) => [one.config.model_type, one] as const))('%s', (_, one) => {
    const { config, files, ids } = one;
    const json = made(config, files);
    if (json === null) throw new Error('no tokenizer');
    const tokenizer = loadTokenizer(json, null);
    expect(golden.texts.map((text) => tokenizer.encode(text, 512))).toEqual(ids);
    expect(golden.pairs.map(([a, b]) => encodePair(tokenizer, a, b, 512).ids)).toEqual(
      asTrained(one),
    );
  });
});

const BERT = golden.cases[0]?.files ?? {};

test('other files, or another architecture, give none', () => {
  expect(made({ model_type: 'bert' }, {})).toBeNull();
  expect(made({ model_type: 'roberta' }, { 'vocab.txt': 'a' })).toBeNull();
  expect(made({ model_type: 'roberta' }, { 'vocab.json': '{}' })).toBeNull();
  expect(made({ model_type: 'deberta-v2' }, BERT)).toBeNull();
  expect(made({ model_type: 'toString' }, BERT)).toBeNull();
  expect(made({}, BERT)).toBeNull();
});

test('what is broken is refused by name', () => {
  expect(() => made({ model_type: 'bert' }, { 'vocab.txt': 'a\nb\n' })).toThrow(
    /no “\[CLS\]”, which every text needs/,
  );
  expect(() => made({ model_type: 'gpt2' }, { 'vocab.json': '[', 'merges.txt': '' })).toThrow(
    /^vocab\.json cannot be used/,
  );
  expect(() =>
    made({ model_type: 'gpt2' }, { 'vocab.json': '{"a":"b"}', 'merges.txt': '' }),
  ).toThrow(/^vocab\.json cannot be used/);
  expect(() => made({ model_type: 'gpt2' }, { 'vocab.json': '{}', 'merges.txt': 'a b c' })).toThrow(
    /merge 1 is no pair/,
  );
  expect(() =>
    made({ model_type: 'bert' }, { ...BERT, 'tokenizer_config.json': '{"do_lower_case": 3}' }),
  ).toThrow(/^tokenizer_config\.json cannot be used/);
  expect(() => tokenizerOfVocabulary(bytes('no'), () => null)).toThrow(/^config\.json/);
});
