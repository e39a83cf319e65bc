/**
 * Promise: one model gives the same embeddings whether it comes as model.safetensors, as pytorch_model.bin, each in
 * one file or in parts, or as an exported ONNX.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { finish, HeadlightError } from '../../../../src/base';
import {
  addFolder,
  chooseWeightFiles,
  float32Values,
  openEmbedder,
  checkpointOf,
  type Encoder,
  type ModelFile,
} from '../../../../src/models';
import { createNodeRuntime } from '../../../../src/platform/node/runtime';
import { checkpointFile } from '../../../helpers/checkpoint-files';
import { tinyModelFiles, tinyTexts } from '../../../helpers/tiny-model';

const encoders = new URL('../../../reference/encoders/', import.meta.url);
const runtime = createNodeRuntime();
const SHARDS = ['00001', '00002', '00003'].map((number) => `${number}-of-00003`);
const file = (name: string, from = `bert-${name}`): ModelFile => ({
  name,
  bytes: checkpointFile(from),
});

const FORMS: Readonly<Record<string, readonly ModelFile[]>> = {
  'model.safetensors in parts': [
    file('model.safetensors.index.json'),
    ...SHARDS.map((part) => file(`model-${part}.safetensors`)),
  ],
  'pytorch_model.bin': [file('pytorch_model.bin', 'bert.bin')],
  'pytorch_model.bin of before 1.6': [file('pytorch_model.bin', 'bert-legacy.bin')],
  'pytorch_model.bin, its matrices turned in memory': [
    file('pytorch_model.bin', 'bert-turned.bin'),
  ],
  'pytorch_model.bin in parts': [
    file('pytorch_model.bin.index.json'),
    ...SHARDS.map((part) => file(`pytorch_model-${part}.bin`)),
  ],
  'an exported ONNX': [file('onnx/model.onnx', 'bert.onnx')],
};

const common: ModelFile[] = [
  { name: 'config.json', bytes: readFileSync(new URL('bert.config.json', encoders)) },
  ...tinyModelFiles().filter(({ name }) => name.startsWith('tokenizer')),
];
const whole: ModelFile = {
  name: 'model.safetensors',
  bytes: new Uint8Array(readFileSync(new URL('bert.safetensors', encoders))),
};
const open = (weights: readonly ModelFile[]): Promise<Encoder> =>
  finish(addFolder(null, 'bert', [...weights, ...common], 'fp32'));

async function embeddings(encoder: Encoder, layer: number): Promise<Float32Array> {
  const embed = { layer, pooling: 'mean', normalize: true, maxTokens: 16 } as const;
  const embedder = await openEmbedder({ encoder, embed, device: 'cpu', runtime });
  const { data } = await embedder.embed(tinyTexts(9));
  await embedder.close();
  return data;
}

let reference: Encoder;
beforeAll(async () => {
  reference = await open([whole]);
});

describe.each(Object.keys(FORMS))('%s', (form) => {
  it('embeds as model.safetensors does, at every layer', async () => {
    const encoder = await open(FORMS[form] ?? []);
    expect(encoder.info).toMatchObject({ architecture: 'bert', layers: 3, hiddenSize: 32 });
    for (let layer = 0; layer <= 3; layer++) {
      const [found, wanted] = [
        await embeddings(encoder, layer),
        await embeddings(reference, layer),
      ];
      expect(found.length).toBe(9 * 32);
      // A checkpoint's floats are the same to the last bit; an export may add them in another order.
      const most = found.reduce(
        (apart, x, i) => Math.max(apart, Math.abs(x - (wanted[i] ?? 9))),
        0,
      );
      expect(most).toBeLessThanOrEqual(form === 'an exported ONNX' ? 1e-6 : 0);
    }
  });

  it('has the weights of model.safetensors', async () => {
    const { tensors } = checkpointOf((await open(FORMS[form] ?? [])).weights);
    for (const [name, tensor] of checkpointOf(reference.weights).tensors) {
      const found = tensors.get(name) ?? tensors.get(`bert.${name}`);
      expect(found?.shape, name).toEqual(tensor.shape);
      if (found) expect(float32Values(found, name), name).toEqual(float32Values(tensor, name));
    }
  });
});

describe('which of them is read', () => {
  const names = [...Object.values(FORMS).flat(), whole].map(({ name }) => name);
  const chosen = (without: RegExp): string | undefined =>
    chooseWeightFiles(
      names.filter((name) => !without.test(name)),
      'fp32',
      'bert',
    ).files[0];

  it('safetensors before a pickle, one file before parts, a checkpoint before an export', () => {
    expect(chosen(/^$/)).toBe('model.safetensors');
    expect(chosen(/^model\.safetensors$/)).toBe('model.safetensors.index.json');
    expect(chosen(/^model/)).toBe('pytorch_model.bin');
    expect(chosen(/^model|^pytorch_model\.bin$/)).toBe('pytorch_model.bin.index.json');
    expect(chosen(/^model|^pytorch_model/)).toBe('onnx/model.onnx');
  });

  it('of parts all that belong together, in order, and no others', () => {
    const parts = [
      'model-2-of-2.safetensors',
      'model-1-of-2.safetensors',
      'model-1-of-3.safetensors',
    ];
    const { files } = chooseWeightFiles(['model.safetensors.index.json', ...parts], 'fp32', 'x');
    expect(files).toEqual([
      'model.safetensors.index.json',
      'model-1-of-2.safetensors',
      'model-2-of-2.safetensors',
    ]);
  });

  it('a missing part is named, before anything is downloaded', () => {
    const there = names.filter((name) => !/^model\.saf|^pytorch|00002/.test(name));
    expect(() =>
      chooseWeightFiles([...there, 'model.safetensors.index.json'], 'fp32', 'bert'),
    ).toThrow(/no model-00002-of-00003\.safetensors/);
  });

  it.each([
    [['adapter_model.safetensors'], /an adapter, which needs the model/],
    [['model-q4.gguf'], /model-q4\.gguf, for llama\.cpp/],
    [['tf_model.h5'], /tf_model\.h5, for TensorFlow/],
    [['weights.safetensors'], /weights\.safetensors, of another name/],
    [['README.md'], /no weights at all/],
  ])('%j: what there is instead is said', (there, words) => {
    const choose = (): unknown => chooseWeightFiles(there, 'fp32', 'bert');
    expect(choose).toThrow(words);
    expect(choose).toThrow(HeadlightError);
  });
});

describe('the revision of a model in parts', () => {
  it('changes with any of them', async () => {
    const form = FORMS['pytorch_model.bin in parts'] ?? [];
    const before = (await open(form)).weightsHash;
    expect((await open(form)).weightsHash).toBe(before);
    for (const at of [1, 3]) {
      const changed = form.map((one, i) => {
        const bytes = Uint8Array.from(one.bytes);
        // In a tensor, well before the zip's directory.
        if (i === at) bytes[20_000] = (bytes[20_000] ?? 0) ^ 1;
        return { ...one, bytes };
      });
      expect((await open(changed)).weightsHash).not.toBe(before);
    }
  });
});
