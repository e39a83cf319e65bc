/**
 * Promise: what ships loads from the catalogue alone, is what the catalogue says, fits its limits, and
 * computes what its origin computes.
 */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { finish } from '../../../../src/base';
import {
  listShipped,
  loadEncoder,
  openEmbedder,
  type Encoder,
  type EncoderInfo,
  type ModelSources,
} from '../../../../src/models';
import type { Platform } from '../../../../src/platform';
import { createNodePlatform } from '../../../../src/platform/node';
import { temporaryFolder } from '../../../helpers/temporary-folder';

let platform: Platform;
let sources: ModelSources;
let shipped: readonly EncoderInfo[];
beforeAll(async () => {
  platform = await createNodePlatform({ home: await temporaryFolder() });
  // Without a network at all.
  sources = {
    ...platform,
    network: { fetch: () => Promise.reject(new Error('no network')), requests: () => [] },
  };
  shipped = await listShipped(platform.assets);
});

const load = (id: string): Promise<Encoder> =>
  finish(loadEncoder(sources, (find(id) as EncoderInfo).reference));
const find = (id: string): EncoderInfo | undefined =>
  shipped.find(({ reference }) => reference.id === id);

describe('the encoders that ship', () => {
  it('are the instant one first, then all-MiniLM-L6-v2', () => {
    expect(shipped.map(({ reference }) => reference.id)).toEqual([
      'headlight-instant-en',
      'all-MiniLM-L6-v2',
    ]);
  });

  it.each(['headlight-instant-en', 'all-MiniLM-L6-v2'])(
    '%s is what the catalogue says, with licence, notice and card',
    async (id) => {
      const encoder = await load(id);
      expect(encoder.info).toEqual(find(id));
      const folder = `public/models/${id}`;
      const weights = id === 'all-MiniLM-L6-v2' ? 'model_q8.safetensors' : 'model.onnx';
      const bytes = readFileSync(`${folder}/${weights}`);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      expect(encoder.info.reference.revision).toBe(sha256);
      expect(readFileSync(`${folder}/README.md`, 'utf8')).toContain(sha256);
      expect(readFileSync(`${folder}/README.md`, 'utf8')).toMatch(/Test accuracy/);
      expect(readFileSync(`${folder}/LICENSE`, 'utf8')).toContain('Apache License');
      expect(readFileSync(`${folder}/NOTICE`, 'utf8')).toContain('all-MiniLM-L6-v2');
    },
  );

  it('fit the limits: 25 MiB a file, 9 MB for the whole instant encoder', () => {
    expect(statSync('public/models/all-MiniLM-L6-v2/model_q8.safetensors').size).toBeLessThan(
      25 * 2 ** 20,
    );
    expect(find('headlight-instant-en')?.bytes).toBeLessThanOrEqual(9_000_000);
  });

  it('are refused in another precision or revision, with what there is', async () => {
    const { reference } = find('all-MiniLM-L6-v2') as EncoderInfo;
    const fp32 = loadEncoder(sources, { ...reference, precision: 'fp32' });
    await expect(finish(fp32)).rejects.toMatchObject({ code: 'bad-setting' });
    const other = loadEncoder(sources, { ...reference, revision: 'f'.repeat(64) });
    await expect(finish(other)).rejects.toMatchObject({ code: 'not-found' });
    const unknown = loadEncoder(sources, { ...reference, id: 'unheard-of' });
    await expect(finish(unknown)).rejects.toMatchObject({
      hint: expect.stringContaining('all-MiniLM-L6-v2') as string,
    });
  });

  it('are refused when a byte is damaged on the way', async () => {
    const assets = {
      async read(path: string) {
        const bytes = await platform.assets.read(path);
        if (path.endsWith('.safetensors')) bytes[bytes.length - 5] = (bytes.at(-5) ?? 0) ^ 1;
        return bytes;
      },
    };
    const { reference } = find('all-MiniLM-L6-v2') as EncoderInfo;
    await expect(finish(loadEncoder({ ...sources, assets }, reference))).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/damaged/) as string,
    });
  });
});

describe('all-MiniLM-L6-v2 in 8 bits', () => {
  it('gives the embeddings of sentence-transformers in 32-bit floats, to a cosine of 0.999 on average', async () => {
    const golden = JSON.parse(
      readFileSync('test/reference/golden/minilm-embeddings.json', 'utf8'),
    ) as { readonly text: string; readonly embedding: readonly number[] }[];
    const encoder = await load('all-MiniLM-L6-v2');
    const embed = encoder.info.defaults;
    const { runtime } = platform;
    const embedder = await openEmbedder({ encoder, embed, device: 'cpu', runtime });
    const { data, columns } = await embedder.embed(golden.map(({ text }) => text));
    const cosines = golden.map(({ embedding }, row) =>
      cosine(data.subarray(row * columns, (row + 1) * columns), embedding),
    );
    // Texts of one token or none have nothing to average rounding over.
    expect(Math.min(...cosines)).toBeGreaterThan(0.996);
    const sentences = cosines.filter((_, row) => (golden[row]?.text.length ?? 0) > 5);
    const mean = sentences.reduce((sum, value) => sum + value, 0) / sentences.length;
    expect(mean).toBeGreaterThan(0.999);
    await embedder.close();
  });
});

describe('the instant encoder', () => {
  it('puts texts that mean the same closer than texts that do not', async () => {
    const encoder = await load('headlight-instant-en');
    const embed = encoder.info.defaults;
    const { runtime } = platform;
    const embedder = await openEmbedder({ encoder, embed, device: 'cpu', runtime });
    const near = [
      ['The film was wonderful.', 'What a great movie!'],
      ['My card was charged twice.', 'I paid double with my credit card.'],
      ['The team won the championship.', 'They are the league champions.'],
    ] as const;
    const { data, columns } = await embedder.embed(near.flat());
    const row = (index: number): Float32Array =>
      data.subarray(index * columns, (index + 1) * columns);
    for (let a = 0; a < near.length; a++) {
      const own = cosine(row(2 * a), row(2 * a + 1));
      for (let b = 0; b < near.length; b++)
        if (b !== a) expect(own).toBeGreaterThan(cosine(row(2 * a), row(2 * b + 1)));
    }
    await embedder.close();
  });

  it('counts no special token, and gives a text without known tokens the zero vector', async () => {
    const encoder = await load('headlight-instant-en');
    expect(encoder.tokenizer.specialTokens).toBe(0);
    const embed = encoder.info.defaults;
    const { runtime } = platform;
    const embedder = await openEmbedder({ encoder, embed, device: 'cpu', runtime });
    const { data, columns } = await embedder.embed(['', '[CLS] good [SEP]', 'good', '[MASK]']);
    expect([...data.subarray(0, columns)].every((value) => value === 0)).toBe(true);
    expect(data.subarray(columns, 2 * columns)).toEqual(data.subarray(2 * columns, 3 * columns));
    expect([...data.subarray(3 * columns)].every((value) => value === 0)).toBe(true);
    await embedder.close();
  });
});

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let dot = 0;
  let squareA = 0;
  let squareB = 0;
  for (let i = 0; i < a.length; i++) {
    dot += (a[i] ?? 0) * (b[i] ?? 0);
    squareA += (a[i] ?? 0) ** 2;
    squareB += (b[i] ?? 0) ** 2;
  }
  return dot / Math.sqrt(squareA * squareB);
}
