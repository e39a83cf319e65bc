/**
 * The bundled catalogue says the truth about what it names: parameters as transformers counts them, weights as our
 * own builders keep them; and it is found by what people type.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  float32Values,
  quantizeRows,
  readHubCatalogue,
  readSafetensors,
  searchCatalogue,
  type CatalogueModel,
} from '../../../../src/models';
import { quantizeBlocks } from '../../../../src/models/encoders/blocks';
import { isQuantizable } from '../../../../src/models/encoders/quantize';
import { modelShape } from '../../../../src/models/encoders/trainable/shape';
import { compute } from '../../../../tools/catalogue/catalogue';
import { MODELS } from '../../../../tools/catalogue/models';
import { tinyModelFiles } from '../../../helpers/tiny-model';

const ROOT = join(import.meta.dirname, '../../../..');
const assets = {
  read: async (path: string) => new Uint8Array(await readFile(join(ROOT, 'public', path))),
};
let models: readonly CatalogueModel[];
let counted: Readonly<Record<string, number>>;

beforeAll(async () => {
  models = await readHubCatalogue(assets);
  const golden = await readFile(join(ROOT, 'test/reference/catalogue/parameters.json'), 'utf8');
  counted = JSON.parse(golden) as Record<string, number>;
});

describe('what is said of a model', () => {
  test('the number of its parameters is the one that transformers counts, for every model', () => {
    expect(Object.fromEntries(models.map(({ id, parameters }) => [id, parameters]))).toEqual(
      counted,
    );
  });

  test('the numbers of the papers stand there', () => {
    const millions = (id: string): string =>
      ((models.find((model) => model.id === id)?.parameters ?? 0) / 1e6).toFixed(2);
    expect(millions('google-bert/bert-base-uncased')).toBe('109.48');
    expect(millions('distilbert/distilbert-base-uncased')).toBe('66.36');
    expect(millions('FacebookAI/roberta-base')).toBe('124.65');
    expect(millions('openai-community/gpt2')).toBe('124.44');
    expect(millions('microsoft/deberta-v3-base')).toBe('183.83');
    expect(millions('answerdotai/ModernBERT-base')).toBe('149.01');
    expect(millions('EleutherAI/gpt-neo-125m')).toBe('125.20');
  });

  test('what ships is what the hand-written list computes to', () => {
    expect(models.map(({ id }) => id)).toEqual(MODELS.map(({ id }) => id));
    for (const id of [
      'sentence-transformers/all-MiniLM-L6-v2',
      'google/electra-small-discriminator',
    ]) {
      const config = MODELS.find((written) => written.id === id)?.config;
      expect(models.find((model) => model.id === id)).toMatchObject(compute(config));
    }
  });

  test('MiniLM in 8 bits weighs what the file weighs that ships in 8 bits', async () => {
    const shipped = await readFile(join(ROOT, 'public/models/catalogue.json'), 'utf8');
    const { encoders } = JSON.parse(shipped) as {
      encoders: { id: string; weights: string; files: { name: string; bytes: number }[] }[];
    };
    const entry = encoders.find(({ id }) => id === 'all-MiniLM-L6-v2');
    const file = entry?.files.find(({ name }) => name === entry.weights)?.bytes ?? 0;
    const model = models.find(({ id }) => id === 'sentence-transformers/all-MiniLM-L6-v2');
    expect(Math.abs((model?.bytes.q8 ?? 0) / file - 1)).toBeLessThan(0.02);
  });

  test('bytes in each precision are what the weights take that are made of a checkpoint', () => {
    const files = tinyModelFiles({ hidden: 64 });
    const config = files.find(({ name }) => name === 'config.json')?.bytes;
    const weights = files.find(({ name }) => name === 'model.safetensors')?.bytes;
    const made = { fp32: 0, q8: 0, q4: 0 };
    for (const [name, tensor] of readSafetensors(weights ?? new Uint8Array()).tensors) {
      if (name.includes('pooler')) continue;
      const values = float32Values(tensor, name);
      const [rows = 1, columns = 1] = tensor.shape;
      const bytes = (...arrays: ArrayBufferView[]): number =>
        arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
      const isLarge = isQuantizable(name, tensor);
      const rounded = quantizeRows(values, rows, columns);
      const blocks = quantizeBlocks(values, rows, columns);
      made.fp32 += values.byteLength;
      made.q8 += isLarge ? bytes(rounded.values, rounded.scales) : values.byteLength;
      made.q4 += isLarge ? bytes(blocks.values, blocks.scales, blocks.zeros) : values.byteLength;
    }
    const json: unknown = JSON.parse(new TextDecoder().decode(config));
    expect(modelShape(json).bytes).toMatchObject(made);
  });

  test('every precision is smaller than the one before', () => {
    for (const { id, bytes } of models) {
      expect([id, bytes.q4 < bytes.q8 && bytes.q8 < bytes.fp16 && bytes.fp16 < bytes.fp32]).toEqual(
        [id, true],
      );
    }
  });

  test('no model stands twice', () => {
    const ids = models.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('an architecture that Headlight does not have cannot be weighed', () => {
    expect(() => modelShape({ model_type: 'llama', hidden_size: 8 })).toThrow(/llama/);
  });
});

describe('search', () => {
  const ANY = { language: null, purpose: null, licence: null, parameters: null } as const;
  const found = (text: string, filters: Partial<typeof ANY> | object = {}): string[] =>
    searchCatalogue(models, { ...ANY, text, ...filters }).map(({ id }) => id);

  test('nothing typed: all, in their own order', () => {
    expect(found('')).toEqual(models.map(({ id }) => id));
  });

  test.each([
    ['bert-base-uncased', 'google-bert/bert-base-uncased'],
    ['google-bert/bert-base-uncased', 'google-bert/bert-base-uncased'],
    ['minilm', 'sentence-transformers/all-MiniLM-L6-v2'],
    ['MiniLM-L12', 'sentence-transformers/all-MiniLM-L12-v2'],
    ['roberta base', 'FacebookAI/roberta-base'],
    ['gpt neo', 'EleutherAI/gpt-neo-125m'],
    ['electra', 'google/electra-small-discriminator'],
    ['bert', 'google-bert/bert-base-uncased'],
    ['distil', 'distilbert/distilbert-base-uncased'],
    ['toxic', 'unitary/toxic-bert'],
    ['german', 'google-bert/bert-base-german-cased'],
    ['deutsch', 'google-bert/bert-base-german-cased'],
    ['中文', 'BAAI/bge-small-zh-v1.5'],
    ['legal', 'nlpaueb/legal-bert-base-uncased'],
    ['medical', 'allenai/scibert_scivocab_uncased'],
    ['multilingual small', 'intfloat/multilingual-e5-small'],
  ])('“%s” finds %s first', (text, first) => {
    expect(found(text)[0]).toBe(first);
  });

  test('a language finds its own models first, then those of many languages, never others', () => {
    const german = found('german');
    const languages = german.map((id) => models.find((model) => model.id === id)?.languages[0]);
    expect(languages.slice(0, 2)).toEqual(['de', 'de']);
    expect(new Set(languages)).toEqual(new Set(['de', 'multilingual']));
    // There is none for French alone: those of many languages are what there is.
    expect(found('french')).toContain('intfloat/multilingual-e5-small');
    expect(found('french')).not.toContain('FacebookAI/roberta-base');
  });

  test('every word must be found', () => {
    expect(found('bert chinese')).toContain('google-bert/bert-base-chinese');
    expect(found('bert nonsense')).toEqual([]);
  });

  test('filters hold together', () => {
    const small = found('', { parameters: 35e6, licence: 'mit', purpose: 'sentences' });
    expect(small).toContain('intfloat/e5-small-v2');
    for (const id of small) {
      const model = models.find((one) => one.id === id);
      expect(model?.parameters).toBeLessThanOrEqual(35e6);
      expect(model?.licence).toBe('mit');
      expect(model?.purposes).toContain('sentences');
    }
    expect(found('', { language: 'fr' })).toEqual(found('', { language: 'multilingual' }));
  });

  test('what is typed is no pattern', () => {
    for (const text of ['(', '[a', '\\', '.*', '/', '-', '%%%'])
      expect(() => found(text)).not.toThrow();
    expect(found('.*')).toEqual([]);
  });
});
