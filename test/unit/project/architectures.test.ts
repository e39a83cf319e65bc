/**
 * Promise: what is taken away of any architecture is what transformers and PEFT load. That they do load it, with equal
 * logits, test/reference/architectures/load_exports.py shows; here stand the traps that it found.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  openTrainableModel,
  safetensorsWeights,
  TRANSFORMERS,
  type TrainMethod,
} from '../../../src/models';
import { hfFolder, peftAdapter, type ModelParts } from '../../../src/project';
import { tinyParts } from '../../helpers/export-parts';

const reference = new URL('../../reference/architectures/', import.meta.url);
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, reference)));
const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);
const LORA = { name: 'lora', rank: 2, alpha: 4, dropout: 0, base: 'fp32' } as const;

function partsOf(name: string, changes: Record<string, unknown> = {}): ModelParts {
  const config = JSON.parse(text(read(`${name}.config.json`))) as Record<string, unknown>;
  return {
    ...tinyParts('bert', 'text'),
    config: { ...config, ...changes },
    maxTokens: 20,
    checkpoint: open(name, { name: 'full' }).checkpoint(new Map()),
  };
}

function open(name: string, method: TrainMethod): ReturnType<typeof openTrainableModel> {
  const files = {
    config: read(`${name}.config.json`),
    weights: safetensorsWeights(read(`${name}.safetensors`)),
  };
  const options = { task: 'text', head: 'stock', classes: 3, method, dropout: 0, seed: 1 } as const;
  return openTrainableModel(files, options);
}

const folder = (parts: ModelParts): Map<string, Uint8Array> =>
  hfFolder(parts, { onnx: [], weights: true, repository: null });

function adapterConfig(name: string, targets: readonly string[]): Record<string, unknown> {
  const method = { ...LORA, targets };
  const adapter = open(name, method).adapter(new Map());
  const files = peftAdapter({ ...partsOf(name), adapter, method });
  return JSON.parse(text(files.get('adapter_config.json'))) as Record<string, unknown>;
}

describe('the Hugging Face folder', () => {
  it.each(TRANSFORMERS.filter((name) => !name.endsWith('bert') || name === 'modernbert'))(
    '%s: is of its own class',
    (name) => {
      const config = JSON.parse(text(folder(partsOf(name)).get('config.json'))) as {
        readonly architectures: readonly string[];
      };
      const plain = name.replaceAll(/[-_]/g, '').toLowerCase();
      expect(config.architectures[0]?.toLowerCase()).toBe(`${plain}forsequenceclassification`);
    },
  );

  it('writes floats as floats: transformers refuses an integer for them', () => {
    const config = text(folder(partsOf('modernbert')).get('config.json'));
    expect(config).toContain('"initializer_cutoff_factor": 2.0');
    expect(JSON.parse(config)).toMatchObject({ initializer_cutoff_factor: 2 });
  });

  it('names the padding of a decoder, without which transformers classifies no batch', () => {
    const files = folder(partsOf('gpt2', { pad_token_id: null, eos_token_id: 17 }));
    expect(JSON.parse(text(files.get('config.json')))).toMatchObject({ pad_token_id: 17 });
    const own = folder(partsOf('gpt2'));
    expect(JSON.parse(text(own.get('config.json')))).toMatchObject({ pad_token_id: 1 });
  });
});

describe('the PEFT adapter', () => {
  it('keeps a head of several layers as one module', () => {
    expect(adapterConfig('electra', ['query', 'value'])['modules_to_save']).toEqual(['classifier']);
    expect(adapterConfig('gpt2', ['c_attn'])['modules_to_save']).toEqual(['score']);
  });

  it('says that the layers of GPT-2 are kept the other way round', () => {
    expect(adapterConfig('gpt2', ['c_attn'])['fan_in_fan_out']).toBe(true);
    expect(adapterConfig('gpt_neo', ['q_proj', 'v_proj'])['fan_in_fan_out']).toBe(false);
  });
});
