/**
 * A small BERT with seeded random weights and a WordPiece tokenizer of forty words, as the files a
 * repository on the Hub holds: enough to run the whole way from text to vector in milliseconds.
 */
import { seededRandom } from '../../src/base';
import { writeSafetensors, type CheckpointTensor, type ModelFile } from '../../src/models';

export interface TinyModelOptions {
  readonly seed?: number;
  readonly hidden?: number;
  readonly layers?: number;
  /** With modules.json, 1_Pooling/config.json and sentence_bert_config.json. Default false. */
  readonly sentenceTransformers?: {
    readonly pooling: 'cls' | 'max' | 'mean';
    readonly maxTokens: number;
  };
}

export const TINY_WORDS = (
  'the a of and to in is it was good bad film movie book very not great poor cat dog ran sat on mat ' +
  'big small red blue one two three what where who when how ? . ! ,'
).split(' ');

export function tinyModelFiles(options: TinyModelOptions = {}): ModelFile[] {
  const { seed = 1, hidden = 32, layers = 2, sentenceTransformers } = options;
  const vocabulary = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...TINY_WORDS];
  const config = {
    model_type: 'bert',
    architectures: ['BertModel'],
    hidden_size: hidden,
    num_hidden_layers: layers,
    num_attention_heads: 4,
    intermediate_size: hidden * 4,
    max_position_embeddings: 64,
    vocab_size: vocabulary.length,
    type_vocab_size: 2,
    layer_norm_eps: 1e-12,
    hidden_act: 'gelu',
  };
  const files: ModelFile[] = [
    json('config.json', config),
    json('tokenizer.json', tokenizerJson(vocabulary)),
    json('tokenizer_config.json', { tokenizer_class: 'BertTokenizer', pad_token: '[PAD]' }),
    { name: 'model.safetensors', bytes: randomWeights(seed, config) },
  ];
  if (sentenceTransformers !== undefined) {
    const { pooling, maxTokens } = sentenceTransformers;
    const prefix = 'sentence_transformers.models.';
    files.push(
      json('modules.json', [
        { idx: 0, name: '0', path: '', type: `${prefix}Transformer` },
        { idx: 1, name: '1', path: '1_Pooling', type: `${prefix}Pooling` },
        { idx: 2, name: '2', path: '2_Normalize', type: `${prefix}Normalize` },
      ]),
      json('1_Pooling/config.json', {
        word_embedding_dimension: hidden,
        pooling_mode_cls_token: pooling === 'cls',
        pooling_mode_mean_tokens: pooling === 'mean',
        pooling_mode_max_tokens: pooling === 'max',
      }),
      json('sentence_bert_config.json', { max_seq_length: maxTokens, do_lower_case: false }),
    );
  }
  return files;
}

/** Sentences of the tiny model's words, of 1 to `longest` words. */
export function tinyTexts(count: number, seed = 3, longest = 20): string[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) => {
    const words = Array.from(
      { length: 1 + random.integer(longest) },
      () => TINY_WORDS[random.integer(TINY_WORDS.length)] ?? 'the',
    );
    // The number becomes [UNK]s and keeps the texts different.
    return `${words.join(' ')} ${index}`;
  });
}

function json(name: string, value: unknown): ModelFile {
  return { name, bytes: new TextEncoder().encode(JSON.stringify(value)) };
}

function tokenizerJson(vocabulary: readonly string[]): unknown {
  const special = (id: string, type_id = 0): unknown => ({ SpecialToken: { id, type_id } });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: vocabulary.slice(0, 5).map((content, id) => ({
      id,
      content,
      special: true,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [special('[CLS]'), { Sequence: { id: 'A', type_id: 0 } }, special('[SEP]')],
      pair: [
        special('[CLS]'),
        { Sequence: { id: 'A', type_id: 0 } },
        special('[SEP]'),
        { Sequence: { id: 'B', type_id: 1 } },
        special('[SEP]', 1),
      ],
      special_tokens: {
        '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
        '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
      },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(vocabulary.map((word, id) => [word, id])),
    },
  };
}

function randomWeights(
  seed: number,
  config: {
    readonly hidden_size: number;
    readonly num_hidden_layers: number;
    readonly intermediate_size: number;
    readonly max_position_embeddings: number;
    readonly vocab_size: number;
  },
): Uint8Array {
  const random = seededRandom(seed);
  const tensors = new Map<string, CheckpointTensor>();
  const add = (name: string, shape: readonly number[], value: () => number): void => {
    const size = shape.reduce((product, dim) => product * dim, 1);
    const data = Float32Array.from({ length: size }, value);
    tensors.set(name, { dtype: 'F32', shape, data: new Uint8Array(data.buffer) });
  };
  const normal = (): number => random.normal() * 0.2;
  const linear = (name: string, out: number, into: number): void => {
    add(`${name}.weight`, [out, into], normal);
    add(`${name}.bias`, [out], normal);
  };
  const layerNorm = (name: string): void => {
    add(`${name}.weight`, [config.hidden_size], () => 1 + normal());
    add(`${name}.bias`, [config.hidden_size], normal);
  };
  const { hidden_size: hidden, intermediate_size: inner } = config;
  add('embeddings.word_embeddings.weight', [config.vocab_size, hidden], () => random.normal());
  add('embeddings.position_embeddings.weight', [config.max_position_embeddings, hidden], normal);
  add('embeddings.token_type_embeddings.weight', [2, hidden], normal);
  layerNorm('embeddings.LayerNorm');
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `encoder.layer.${layer}`;
    for (const part of ['query', 'key', 'value'])
      linear(`${at}.attention.self.${part}`, hidden, hidden);
    linear(`${at}.attention.output.dense`, hidden, hidden);
    layerNorm(`${at}.attention.output.LayerNorm`);
    linear(`${at}.intermediate.dense`, inner, hidden);
    linear(`${at}.output.dense`, hidden, inner);
    layerNorm(`${at}.output.LayerNorm`);
  }
  return writeSafetensors(tensors);
}
