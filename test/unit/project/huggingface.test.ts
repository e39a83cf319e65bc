/**
 * What is taken away, in other people's hands. The goldens are the logits that `transformers` (PyTorch) gives for
 * these very folders (test/reference/export/load_huggingface.py); here the same folders, made again, are
 * run by onnxruntime and by transformers.js.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
  AutoTokenizer,
  env,
} from '@huggingface/transformers';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { openEncoderModel, readSafetensors, tensorWeights } from '../../../src/models';
import { foldScaler } from '../../../src/learning/heads';
import { hfFolder, peftAdapter, probeCheckpoint } from '../../../src/project';
import {
  LORA,
  MAX_TOKENS,
  REFERENCE_TEXTS,
  referenceFolders,
  tinyAdapter,
  tinyConfig,
  tinyEncoder,
  tinyParts,
  tinyProbe,
  tinyProbeParts,
} from '../../helpers/export-parts';
import { temporaryFolder } from '../../helpers/temporary-folder';

interface Golden {
  readonly weights_sha256: string;
  readonly input_ids: readonly (readonly number[])[];
  /** A text's: [classes], or [tokens][classes]. */
  readonly logits: readonly (readonly (number | readonly number[])[])[];
}

const GOLDENS = JSON.parse(
  await readFile(resolve(import.meta.dirname, '../../reference/export/logits.json'), 'utf8'),
) as { readonly texts: readonly string[]; readonly folders: Readonly<Record<string, Golden>> };

const NAMES = Object.keys(GOLDENS.folders).filter((name) => !name.endsWith('-adapter'));

const BARE = { onnx: [], weights: true, repository: null } as const;

let folders: Map<string, Map<string, Uint8Array>>;

beforeAll(() => {
  folders = referenceFolders();
});

function bytesOf(folder: string, path: string): Uint8Array {
  const bytes = folders.get(folder)?.get(path);
  if (bytes === undefined) throw new Error(`${folder} has no ${path}`);
  return bytes;
}

function jsonOf(folder: string, path: string): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(bytesOf(folder, path))) as Record<string, unknown>;
}

function golden(folder: string): Golden {
  const found = GOLDENS.folders[folder];
  if (found === undefined) throw new Error(`no golden of ${folder}`);
  return found;
}

async function onnxLogits(model: Uint8Array, rows: Golden['input_ids']): Promise<number[][]> {
  const session = await InferenceSession.create(model);
  const logits: number[][] = [];
  for (const row of rows) {
    const tensor = (value: (id: number) => number): Tensor =>
      new Tensor(
        'int64',
        BigInt64Array.from(row, (id) => BigInt(value(id))),
        [1, row.length],
      );
    const feeds = {
      input_ids: tensor((id) => id),
      attention_mask: tensor(() => 1),
      token_type_ids: tensor(() => 0),
    };
    const wanted = Object.fromEntries(
      Object.entries(feeds).filter(([name]) => session.inputNames.includes(name)),
    );
    const { logits: found } = await session.run(wanted);
    expect(found?.type).toBe('float32');
    logits.push([...(found!.data as Float32Array)]);
  }
  await session.release();
  return logits;
}

function largestDifference(found: readonly number[][], folder: string): number {
  const expected = golden(folder).logits.map((row) => row.flat());
  expect(found.map((row) => row.length)).toEqual(expected.map((row) => row.length));
  return Math.max(
    ...found.flatMap((row, at) => row.map((value, i) => Math.abs(value - expected[at]![i]!))),
  );
}

it('the goldens are of these very folders and texts', () => {
  expect(GOLDENS.texts).toEqual(REFERENCE_TEXTS);
  for (const [name, { weights_sha256 }] of Object.entries(GOLDENS.folders)) {
    const path = name.endsWith('-adapter')
      ? 'adapter_model.safetensors'
      : name.endsWith('-mean')
        ? '2_Dense/model.safetensors'
        : 'model.safetensors';
    const hash = createHash('sha256').update(bytesOf(name, path)).digest('hex');
    expect([name, hash]).toEqual([name, weights_sha256]);
  }
});

describe.each(NAMES)('%s', (name) => {
  it('onnxruntime: the logits of transformers to 1e-4', async () => {
    const found = await onnxLogits(bytesOf(name, 'onnx/model.onnx'), golden(name).input_ids);
    expect(largestDifference(found, name)).toBeLessThan(1e-4);
  });

  it('in half precision and in 8 bits: near them, in files of half and a quarter', async () => {
    const whole = bytesOf(name, 'onnx/model.onnx').length;
    const half = bytesOf(name, 'onnx/model_fp16.onnx');
    const eight = bytesOf(name, 'onnx/model_quantized.onnx');
    expect(half.length).toBeLessThan(0.75 * whole);
    expect(eight.length).toBeLessThan(half.length);
    const rows = golden(name).input_ids;
    expect(largestDifference(await onnxLogits(half, rows), name)).toBeLessThan(0.03);
    expect(largestDifference(await onnxLogits(eight, rows), name)).toBeLessThan(0.3);
    const four = bytesOf(name, 'onnx/model_q4.onnx');
    expect(four.length).toBeLessThan(eight.length);
    expect(largestDifference(await onnxLogits(four, rows), name)).toBeLessThan(2);
  });
});

describe('transformers.js', () => {
  beforeAll(async () => {
    const scratch = await temporaryFolder();
    for (const [name, files] of folders) {
      for (const [path, bytes] of files) {
        await mkdir(dirname(join(scratch, name, path)), { recursive: true });
        await writeFile(join(scratch, name, path), bytes);
      }
    }
    env.allowRemoteModels = false;
    env.localModelPath = `${scratch}/`;
  });

  it.each(NAMES)('%s: the logits of transformers to 1e-4, of long texts too', async (name) => {
    const auto = name.endsWith('-token')
      ? AutoModelForTokenClassification
      : AutoModelForSequenceClassification;
    const tokenizer = await AutoTokenizer.from_pretrained(name);
    const model = await auto.from_pretrained(name, { dtype: 'fp32' });
    const found: number[][] = [];
    for (const text of REFERENCE_TEXTS) {
      const inputs = tokenizer(text, { truncation: true }) as Record<string, unknown>;
      const { logits } = (await model(inputs)) as { logits: { data: Float32Array } };
      found.push([...logits.data]);
    }
    await model.dispose();
    expect(largestDifference(found, name)).toBeLessThan(1e-4);
  });
});

describe('config.json', () => {
  it('names the class, the labels and the problem, and float32 whatever the base was', () => {
    expect(jsonOf('bert-text', 'config.json')).toMatchObject({
      model_type: 'bert',
      architectures: ['BertForSequenceClassification'],
      problem_type: 'single_label_classification',
      id2label: { 0: 'good', 1: 'bad', 2: 'neither "good" nor bad' },
      label2id: { good: 0, bad: 1, 'neither "good" nor bad': 2 },
      dtype: 'float32',
    });
    expect(jsonOf('bert-text', 'config.json')).not.toHaveProperty('torch_dtype');
    expect(jsonOf('distilbert-multi', 'config.json')).toMatchObject({
      architectures: ['DistilBertForSequenceClassification'],
      problem_type: 'multi_label_classification',
    });
    expect(jsonOf('bert-token', 'config.json')).toMatchObject({
      architectures: ['BertForTokenClassification'],
    });
    expect(jsonOf('distilbert-probe-3', 'config.json')).toMatchObject({ n_layers: 1 });
    expect(jsonOf('bert-probe-2', 'config.json')).toMatchObject({ num_hidden_layers: 1 });
  });

  it('texts are cut to the length that was trained with', () => {
    expect(jsonOf('bert-text', 'tokenizer_config.json')).toMatchObject({
      model_max_length: MAX_TOKENS,
    });
  });
});

it('weights are written with format: pt', () => {
  const { metadata } = readSafetensors(bytesOf('bert-text', 'model.safetensors'));
  expect(metadata.get('format')).toBe('pt');
});

describe('the model card', () => {
  it('says how it was made and how good it is, with intervals, and how to load it', () => {
    const card = new TextDecoder().decode(bytesOf('bert-text', 'README.md'));
    for (const part of [
      'library_name: transformers',
      'pipeline_tag: text-classification',
      'base_model: "ada/tiny-bert"',
      'ab'.repeat(32),
      '"seed":7',
      '| seed | 42 |',
      '0.875 (0.690 to 0.957)',
      '0.969 (0.912 to 0.989)',
      'gets an accuracy of 0.333',
      "pipeline('text-classification', 'THIS_FOLDER')",
      "dtype: 'fp32'",
      'onnxruntime.InferenceSession',
    ])
      expect(card).toContain(part);
    expect(card).not.toContain('language:');
  });

  it('of pairs shows how two texts go in', () => {
    const pairs = { ...tinyParts('bert', 'text'), pair: true };
    const files = hfFolder(pairs, { ...BARE, onnx: ['fp32'] });
    const card = new TextDecoder().decode(files.get('README.md'));
    expect(card).toContain("{'text': 'a text', 'text_pair': 'its second text'}");
    expect(card).toContain("{ text_pair: 'its second text', truncation: true }");
    expect(card).toContain("from_pretrained('.')('a text', 'its second text', truncation=True");
  });

  it('names the repository it goes to', () => {
    const files = hfFolder(tinyParts('bert', 'token'), { ...BARE, repository: 'ada/entities' });
    const card = new TextDecoder().decode(files.get('README.md'));
    expect(card).toContain("pipeline('token-classification', 'ada/entities')");
    expect(card).not.toContain('THIS_FOLDER');
  });
});

describe('a mean-pooling head', () => {
  it('has no model.safetensors that transformers would load with a random head', () => {
    expect([...folders.get('bert-mean')!.keys()].sort()).toEqual(
      expect.arrayContaining(['modules.json', '0_Transformer/model.safetensors']),
    );
    expect(folders.get('bert-mean')!.has('model.safetensors')).toBe(false);
  });

  it('says so in its card', () => {
    const card = new TextDecoder().decode(bytesOf('bert-mean', 'README.md'));
    expect(card).toContain('`AutoModelForSequenceClassification` cannot load this folder');
    expect(card).toContain("SentenceTransformer('THIS_FOLDER')");
  });

  it('is refused for tokens', () => {
    const parts = { ...tinyParts('bert', 'token'), head: 'mean' as const };
    expect(() => hfFolder(parts, BARE)).toThrow(/one vector a text/);
  });
});

describe('a probe on the [CLS] token of an inner layer', () => {
  it.each([2, 3] as const)(
    '%i classes: the logits of the graph that the page ran',
    async (classes) => {
      const bare = new Map(
        [...tinyEncoder('bert')].map(([name, tensor]) => [name.slice('bert.'.length), tensor]),
      );
      const encoder = openEncoderModel(
        {
          config: new TextEncoder().encode(JSON.stringify(tinyConfig('bert'))),
          weights: tensorWeights(bare),
        },
        'fp32',
      );
      const folded = foldScaler(tinyProbe(classes));
      const graph = encoder.classifierGraph(
        { layer: 1, pooling: 'cls', normalize: false },
        { classes, weight: folded.weight, bias: folded.bias },
        null,
      );
      const name = `bert-probe-${classes}`;
      const here = await onnxLogits(graph, golden(name).input_ids);
      expect(largestDifference(here, name)).toBeLessThan(1e-4);
    },
  );

  it('drops the layers after it', () => {
    const { checkpoint } = tinyProbeParts('distilbert', 3);
    expect([...checkpoint.keys()].filter((name) => name.includes('layer.1.'))).toEqual([]);
    expect([...checkpoint.keys()].filter((name) => name.includes('layer.0.'))).toHaveLength(16);
  });

  const refusal = (embed: { pooling: 'cls' | 'mean'; normalize: boolean }): (() => unknown) => {
    const settings = { layer: 1, maxTokens: MAX_TOKENS, ...embed };
    const weights = { tensors: tinyEncoder('bert'), metadata: new Map<string, string>() };
    return () => probeCheckpoint(tinyConfig('bert'), weights, 'fp32', settings, tinyProbe(3));
  };

  it('of unit length is refused, saying why and what to do', () => {
    expect(refusal({ pooling: 'cls', normalize: true })).toThrow(
      /no step that divides by a length/,
    );
  });

  it('of mean-pooled tokens is refused', () => {
    expect(refusal({ pooling: 'mean', normalize: false })).toThrow(/reads the \[CLS\] token only/);
  });
});

describe('an adapter', () => {
  it('has the configuration that PEFT reads', () => {
    expect(jsonOf('bert-adapter', 'adapter_config.json')).toMatchObject({
      peft_type: 'LORA',
      task_type: 'SEQ_CLS',
      base_model_name_or_path: 'ada/tiny-bert',
      r: LORA.rank,
      lora_alpha: LORA.alpha,
      lora_dropout: LORA.dropout,
      target_modules: ['query', 'value'],
      modules_to_save: ['bert.pooler.dense', 'classifier'],
      bias: 'none',
      inference_mode: true,
    });
    expect(jsonOf('distilbert-adapter', 'adapter_config.json')).toMatchObject({
      modules_to_save: ['classifier', 'pre_classifier'],
    });
  });

  it('names its layers whole where a short name would also match the head', () => {
    const { adapter } = tinyAdapter('bert', ['dense']);
    const files = peftAdapter({
      ...tinyParts('bert', 'text'),
      adapter,
      method: { ...LORA, targets: ['dense'] },
    });
    const config = JSON.parse(new TextDecoder().decode(files.get('adapter_config.json'))) as Record<
      string,
      unknown
    >;
    expect(config['target_modules']).toContain('bert.encoder.layer.0.output.dense');
    expect(config['target_modules']).not.toContain('bert.pooler.dense');
  });

  it('gives in PEFT what the merged model gives in onnxruntime', async () => {
    const merged = bytesOf('distilbert-merged', 'onnx/model.onnx');
    const found = await onnxLogits(merged, golden('distilbert-adapter').input_ids);
    expect(largestDifference(found, 'distilbert-adapter')).toBeLessThan(1e-4);
  });

  it('is refused of a model that was fine-tuned whole', () => {
    const { adapter } = tinyAdapter('bert');
    const parts = { ...tinyParts('bert', 'text'), adapter, method: { name: 'full' as const } };
    expect(() => peftAdapter(parts)).toThrow(/Only a LoRA/);
  });
});

it('an architecture without a stock head is refused, naming it', () => {
  const parts = { ...tinyParts('bert', 'text'), config: { model_type: 'funnel' } };
  expect(() => hfFolder(parts, BARE)).toThrow(/"funnel"/);
});
