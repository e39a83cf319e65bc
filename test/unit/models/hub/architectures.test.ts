/** Promise: a dropped folder of any known architecture loads, embeds as its files recommend, and can be trained. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { finish } from '../../../../src/base';
import {
  addFolder,
  defaultLoraTargets,
  openEmbedder,
  openTrainableModel,
  TRANSFORMERS,
  type ModelFile,
} from '../../../../src/models';
import { createNodeRuntime } from '../../../../src/platform/node/runtime';
import { tinyModelFiles } from '../../../helpers/tiny-model';

const folder = new URL('../../../reference/architectures/', import.meta.url);
const runtime = createNodeRuntime();
const json = (name: string, value: unknown): ModelFile => ({
  name,
  bytes: new TextEncoder().encode(JSON.stringify(value)),
});

/** A folder as sentence-transformers writes it, with the tokenizer of another tiny model. */
function folderOf(name: string, pooling: Record<string, unknown>): ModelFile[] {
  const read = (file: string): Uint8Array => new Uint8Array(readFileSync(new URL(file, folder)));
  return [
    { name: 'config.json', bytes: read(`${name}.config.json`) },
    { name: 'model.safetensors', bytes: read(`${name}.safetensors`) },
    ...tinyModelFiles().filter(({ name: file }) => file.startsWith('tokenizer')),
    json('modules.json', [
      { idx: 0, name: '0', path: '', type: 'sentence_transformers.models.Transformer' },
      { idx: 1, name: '1', path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
    ]),
    json('1_Pooling/config.json', pooling),
    json('sentence_bert_config.json', { max_seq_length: 16 }),
  ];
}

const NAMES = TRANSFORMERS.filter((name) => name !== 'bert' && name !== 'distilbert');

describe.each(NAMES)('a folder of %s', (name) => {
  it('loads, embeds with its own pooling, and has layers to train', async () => {
    const files = folderOf(name, { pooling_mode_lasttoken: true });
    const encoder = await finish(addFolder(null, name, files, 'fp32'));
    expect(encoder.info.architecture).toBe(name);
    expect(encoder.info.defaults).toEqual({
      layer: encoder.info.layers,
      pooling: 'last',
      normalize: false,
      maxTokens: 16,
    });
    const embed = encoder.info.defaults;
    const embedder = await openEmbedder({ encoder, embed, device: 'cpu', runtime });
    // The same text alone and beside a longer one.
    const both = await embedder.embed(['the', 'the a of the a of']);
    const alone = await embedder.embed(['the']);
    await embedder.close();
    const size = encoder.info.hiddenSize;
    const first = Array.from(both.data.subarray(0, size));
    expect(first.some((value) => Math.abs(value) > 0.01)).toBe(true);
    first.forEach((value, i) => expect(value).toBeCloseTo(alone.data[i] ?? NaN, 4));
    const config = encoder.files.find((file) => file.name === 'config.json')?.bytes;
    const model = openTrainableModel(
      { config: config ?? new Uint8Array(), weights: encoder.weights },
      {
        task: 'text',
        head: 'stock',
        classes: 2,
        method: {
          name: 'lora',
          rank: 2,
          alpha: 4,
          dropout: 0,
          base: 'int8',
          targets: defaultLoraTargets(encoder.info.architecture),
        },
        dropout: 0,
        seed: 1,
      },
    );
    const adapters = [...model.parameters.keys()].filter((key) => key.includes('lora_A'));
    expect(adapters.length).toBeGreaterThan(0);
  });
});

it('a folder of an unknown architecture is refused, naming the known ones', async () => {
  const files = folderOf('roberta', {}).map((file) =>
    file.name === 'config.json' ? json('config.json', { model_type: 'mamba' }) : file,
  );
  await expect(finish(addFolder(null, 'mamba', files, 'fp32'))).rejects.toMatchObject({
    code: 'bad-model',
    message: expect.stringContaining('mamba') as string,
    hint: expect.stringContaining(TRANSFORMERS.join(', ')) as string,
  });
});
