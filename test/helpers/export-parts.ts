/**
 * Models to take away, small and seeded: both architectures, every head, a probe on an inner layer, an adapter.
 * The same inputs make the goldens (test/reference/export) and are made again in the tests.
 */
import { seededRandom } from '../../src/base';
import type { LinearHead } from '../../src/learning/heads';
import { tensorOf, writeSafetensors, type CheckpointTensor } from '../../src/models';
import {
  hfFolder,
  peftAdapter,
  probeCheckpoint,
  type ModelParts,
  type OnnxVariant,
} from '../../src/project';
import { tinyModelFiles, TINY_WORDS } from './tiny-model';

export const HIDDEN = 32;
const LAYERS = 2;
const INNER = 64;
const POSITIONS = 64;
const VOCABULARY = 5 + TINY_WORDS.length;
export const MAX_TOKENS = 12;

export type Architecture = 'bert' | 'distilbert';
type Tensors = Map<string, CheckpointTensor>;

export function tinyConfig(architecture: Architecture): Record<string, unknown> {
  return architecture === 'bert'
    ? {
        model_type: 'bert',
        architectures: ['BertModel'],
        hidden_size: HIDDEN,
        num_hidden_layers: LAYERS,
        num_attention_heads: 4,
        intermediate_size: INNER,
        max_position_embeddings: POSITIONS,
        vocab_size: VOCABULARY,
        type_vocab_size: 2,
        layer_norm_eps: 1e-12,
        hidden_act: 'gelu',
        pad_token_id: 0,
        torch_dtype: 'float16',
      }
    : {
        model_type: 'distilbert',
        architectures: ['DistilBertForMaskedLM'],
        dim: HIDDEN,
        n_layers: LAYERS,
        n_heads: 4,
        hidden_dim: INNER,
        max_position_embeddings: POSITIONS,
        vocab_size: VOCABULARY,
        activation: 'gelu',
        sinusoidal_pos_embds: false,
        pad_token_id: 0,
        tie_weights_: true,
      };
}

interface Maker {
  readonly tensors: Tensors;
  readonly table: (name: string, rows: number, columns?: number) => void;
  readonly linear: (name: string, out: number, into: number) => void;
  readonly norm: (name: string) => void;
}

function maker(seed: number): Maker {
  const random = seededRandom(seed);
  const tensors: Tensors = new Map();
  const add = (name: string, shape: readonly number[], value: () => number): void => {
    const size = shape.reduce((product, dim) => product * dim, 1);
    tensors.set(name, tensorOf(Float32Array.from({ length: size }, value), shape));
  };
  const normal = (): number => random.normal() * 0.2;
  return {
    tensors,
    table: (name, rows, columns = HIDDEN) =>
      add(`${name}.weight`, [rows, columns], () => random.normal() * 0.5),
    linear(name, out, into) {
      add(`${name}.weight`, [out, into], normal);
      add(`${name}.bias`, [out], normal);
    },
    norm(name) {
      add(`${name}.weight`, [HIDDEN], () => 1 + normal());
      add(`${name}.bias`, [HIDDEN], normal);
    },
  };
}

/** The encoder's tensors, under `bert.` or `distilbert.`. */
export function tinyEncoder(architecture: Architecture, seed = 11): Tensors {
  const { tensors, table, linear, norm } = maker(seed);
  const isBert = architecture === 'bert';
  const prefix = `${architecture}.`;
  table(`${prefix}embeddings.word_embeddings`, VOCABULARY);
  table(`${prefix}embeddings.position_embeddings`, POSITIONS);
  if (isBert) table(`${prefix}embeddings.token_type_embeddings`, 2);
  norm(`${prefix}embeddings.LayerNorm`);
  for (let layer = 0; layer < LAYERS; layer++) {
    const at = `${prefix}${isBert ? 'encoder' : 'transformer'}.layer.${layer}.`;
    for (const part of isBert
      ? ['self.query', 'self.key', 'self.value', 'output.dense']
      : ['q_lin', 'k_lin', 'v_lin', 'out_lin'])
      linear(`${at}attention.${part}`, HIDDEN, HIDDEN);
    norm(`${at}${isBert ? 'attention.output.LayerNorm' : 'sa_layer_norm'}`);
    linear(`${at}${isBert ? 'intermediate.dense' : 'ffn.lin1'}`, INNER, HIDDEN);
    linear(`${at}${isBert ? 'output.dense' : 'ffn.lin2'}`, HIDDEN, INNER);
    norm(`${at}${isBert ? 'output.LayerNorm' : 'output_layer_norm'}`);
  }
  return tensors;
}

function headTensors(architecture: Architecture, kind: Kind, classes: number): Tensors {
  const { tensors, linear } = maker(23);
  if (kind === 'text' || kind === 'multi')
    linear(architecture === 'bert' ? 'bert.pooler.dense' : 'pre_classifier', HIDDEN, HIDDEN);
  linear('classifier', classes, HIDDEN);
  return tensors;
}

export type Kind = 'text' | 'multi' | 'token' | 'mean';
const CLASSES: Readonly<Record<Kind, readonly string[]>> = {
  text: ['good', 'bad', 'neither "good" nor bad'],
  multi: ['red', 'green', 'blue', 'a | b'],
  token: ['O', 'B-PER', 'I-PER', 'B-LOC', 'I-LOC'],
  mean: ['ja', 'nein'],
};

/** A trained model of a kind, as the engine hands it in. */
export function tinyParts(architecture: Architecture, kind: Kind): ModelParts {
  const classes = CLASSES[kind];
  return {
    task:
      kind === 'token'
        ? 'token_classification'
        : kind === 'multi'
          ? 'multi_label_classification'
          : 'single_label_classification',
    head: kind === 'mean' ? 'mean' : 'stock',
    thresholds: kind === 'multi' ? classes.map(() => 0.5) : null,
    pair: false,
    classes,
    maxTokens: MAX_TOKENS,
    config: tinyConfig(architecture),
    checkpoint: new Map([
      ...tinyEncoder(architecture),
      ...headTensors(architecture, kind, classes.length),
    ]),
    tokenizer: tinyModelFiles().filter(({ name }) => name.startsWith('tokenizer')),
    card: {
      name: 'Support: inbox "A"',
      created: Date.UTC(2026, 0, 2),
      version: '0.0.0',
      base: {
        source: 'hub',
        id: 'ada/tiny-bert',
        revision: '0123456789abcdef0123456789abcdef01234567',
        precision: 'fp32',
        licence: 'apache-2.0',
      },
      method: 'A text classifier: every weight of the base model was fine-tuned.',
      data: {
        files: [{ part: 'train and test', sha256: 'ab'.repeat(32), rows: 120 }],
        split: { method: 'stratified', testShare: 0.2, seed: 7 },
        train_rows: 96,
        test_rows: 24,
      },
      settings: { learning_rate: 2e-5, seed: 42, method: { name: 'full' } },
      metrics: [
        {
          type: 'accuracy',
          name: 'Accuracy',
          train: { value: 0.9688, interval: [0.9122, 0.9893] },
          test: { value: 0.875, interval: [0.69, 0.9566] },
        },
        {
          type: 'f1',
          name: 'Macro F1',
          train: { value: 0.96, interval: null },
          test: { value: 0.8612, interval: null },
        },
      ],
      per_class: classes.map((label) => ({
        label,
        precision: 0.9,
        recall: 0.8,
        f1_score: 0.847,
        support: 8,
      })),
      baseline: { label: classes[0] ?? '', test_accuracy: 0.3333 },
      limits: ['It knows English only.'],
    },
  };
}

/** A probe on the [CLS] token, with and without a scaler, of three classes or two. */
export function tinyProbe(classes: 2 | 3): LinearHead {
  const random = seededRandom(31);
  const rows = classes === 2 ? 1 : classes;
  const numbers = (length: number, from = 0, scale = 1): Float64Array =>
    Float64Array.from({ length }, () => from + scale * random.normal());
  return {
    classes: CLASSES.text.slice(0, classes),
    coef: numbers(rows * HIDDEN),
    intercept: numbers(rows, 0, 2),
    features: HIDDEN,
    scaler:
      classes === 2
        ? null
        : { mean: numbers(HIDDEN, 0, 0.3), scale: numbers(HIDDEN, 1, 0.2).map(Math.abs) },
  };
}

/** The folder's parts of a probe on layer 1 of 2. */
export function tinyProbeParts(architecture: Architecture, classes: 2 | 3): ModelParts {
  const embed = { layer: 1, pooling: 'cls', normalize: false, maxTokens: MAX_TOKENS } as const;
  const made = probeCheckpoint(
    tinyConfig(architecture),
    { tensors: tinyEncoder(architecture), metadata: new Map() },
    'fp32',
    embed,
    tinyProbe(classes),
  );
  return { ...tinyParts(architecture, 'text'), ...made, classes: tinyProbe(classes).classes };
}

export const LORA = {
  name: 'lora',
  rank: 4,
  alpha: 8,
  dropout: 0.1,
  base: 'fp32',
} as const;

/** Adapters on query and value, and a head, as PEFT names them; and the same merged. */
export function tinyAdapter(
  architecture: Architecture,
  targets: readonly string[] = architecture === 'bert' ? ['query', 'value'] : ['q_lin', 'v_lin'],
): {
  readonly targets: readonly string[];
  readonly adapter: Tensors;
  readonly merged: Tensors;
} {
  const { rank, alpha } = LORA;
  const { table, tensors } = maker(47);
  const merged = new Map(tinyParts(architecture, 'text').checkpoint);
  const adapter: Tensors = new Map();
  for (const [name, weight] of merged) {
    const module = name.replace(/\.weight$/, '');
    if (module === name || !/\.layer\.\d/.test(name) || weight.shape.length !== 2) continue;
    if (!targets.some((target) => module.endsWith(target))) continue;
    const [out = 0, into = 0] = weight.shape;
    table(`${module}.lora_A`, rank, into);
    table(`${module}.lora_B`, out, rank);
    const values = (key: string): Float32Array => {
      const { data } = tensors.get(key)!;
      return new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
    };
    const [a, b] = [values(`${module}.lora_A.weight`), values(`${module}.lora_B.weight`)];
    const old = new Float32Array(weight.data.buffer, weight.data.byteOffset, out * into);
    const sum = old.map((value, at) => {
      const [row, column] = [Math.floor(at / into), at % into];
      let low = 0;
      for (let r = 0; r < rank; r++) low += b[row * rank + r]! * a[r * into + column]!;
      return value + (alpha / rank) * low;
    });
    merged.set(name, tensorOf(sum, [out, into]));
  }
  for (const [name, tensor] of tensors) adapter.set(`base_model.model.${name}`, tensor);
  for (const [name, tensor] of headTensors(architecture, 'text', CLASSES.text.length))
    adapter.set(`base_model.model.${name}`, tensor);
  return { targets, adapter, merged };
}

const ALL: readonly OnnxVariant[] = ['fp32', 'fp16', 'quantized', 'q4'];

/** Every folder by its name: what the goldens are made of. */
export function referenceFolders(
  onnx: readonly OnnxVariant[] = ALL,
): Map<string, Map<string, Uint8Array>> {
  const folders = new Map<string, Map<string, Uint8Array>>();
  const options = { onnx, weights: true, repository: null };
  for (const architecture of ['bert', 'distilbert'] as const) {
    for (const kind of ['text', 'multi', 'token', 'mean'] as const)
      folders.set(`${architecture}-${kind}`, hfFolder(tinyParts(architecture, kind), options));
    for (const classes of [2, 3] as const)
      folders.set(
        `${architecture}-probe-${classes}`,
        hfFolder(tinyProbeParts(architecture, classes), options),
      );
    const { adapter, merged, targets } = tinyAdapter(architecture);
    const parts = tinyParts(architecture, 'text');
    folders.set(`${architecture}-merged`, hfFolder({ ...parts, checkpoint: merged }, options));
    folders.set(
      `${architecture}-adapter`,
      peftAdapter({ ...parts, adapter, method: { ...LORA, targets } }),
    );
    // What PEFT loads the adapter on: the encoder alone.
    folders.set(
      `${architecture}-base`,
      new Map([
        ['config.json', new TextEncoder().encode(JSON.stringify(tinyConfig(architecture)))],
        ['model.safetensors', writeSafetensors(tinyEncoder(architecture))],
      ]),
    );
  }
  return folders;
}

/** Short, long (cut), with unknown words. */
export const REFERENCE_TEXTS = [
  'the movie was great !',
  'a cat sat on the mat , and the big dog ran to it',
  'what is it ?',
  'zebra of quux',
  `${'the film was not very good and '.repeat(4)}poor`,
];
