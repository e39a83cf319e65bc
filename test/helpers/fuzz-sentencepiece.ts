/** The reader of SentencePiece models, for mutated files: what it makes of one is used on a few words. */
import { readFileSync } from 'node:fs';
import { loadTokenizer, tokenizerOfVocabulary } from '../../src/models';
import type { FuzzReader } from './model-fuzz';

export function sentencePieceReader(): FuzzReader {
  const path = new URL('../reference/golden/sentencepiece.json', import.meta.url);
  const golden = JSON.parse(readFileSync(path, 'utf8')) as {
    cases: { config: { model_type: string }; name: string; model: string }[];
    bpe: string;
  };
  const models = golden.cases.map(({ model }) => model);
  return {
    name: 'sentencepiece',
    files: [...models, golden.bpe].map((model, at) => ({
      name: golden.cases[at]?.config.model_type ?? 'deberta-v2',
      bytes: new Uint8Array(Buffer.from(model, 'base64')),
    })),
    read(bytes, type) {
      const config = new TextEncoder().encode(JSON.stringify({ model_type: type }));
      const json = tokenizerOfVocabulary(config, (name) => (name === 'spm.model' ? bytes : null));
      if (json === null) throw new Error('the file was passed over');
      const tokenizer = loadTokenizer(json, null);
      for (const text of ['the parcel, twice', '', 'naïve Ωmega ＦＵＬＬ ﬁ 日本 \u0000🙂']) {
        const ids = tokenizer.encode(text, tokenizer.specialTokens + 8);
        const isId = (id: number): boolean => id >= 0 && id < tokenizer.vocabularySize;
        if (!ids.every(isId)) throw new Error(`ids of no token: ${ids.join(' ')}`);
      }
    },
  };
}
