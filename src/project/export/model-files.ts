/** The small files beside the weights: config.json with the labels, and what tokenizers need. */
import { HeadlightError } from '../../base';
import { wordTokenizer } from '../../models';
import { jsonBytes, parseJson } from '../documents';
import type { ModelParts, TaskOfModel } from './parts';
import type { StockNames } from './stock-names';

/** What other heads, tasks and precisions left in a config.json. */
const STALE = ['num_labels', 'quantization_config', 'headlight', 'torch_dtype'];

/** config.json as `save_pretrained` of the class writes it. */
export function modelConfig(
  { config, classes, task, head, thresholds }: ModelParts,
  names: StockNames,
): Record<string, unknown> {
  const kept = Object.fromEntries(Object.entries(config).filter(([key]) => !STALE.includes(key)));
  return {
    ...kept,
    architectures: [
      head === 'mean'
        ? names.encoderClass
        : task === 'token_classification'
          ? names.tokenClass
          : names.sequenceClass,
    ],
    id2label: Object.fromEntries(classes.map((label, index) => [String(index), label])),
    label2id: Object.fromEntries(classes.map((label, index) => [label, index])),
    // Tokens have no problem_type in `transformers`.
    ...(task === 'token_classification' ? {} : { problem_type: task satisfies TaskOfModel }),
    dtype: 'float32',
    ...paddingId(config, names),
    // What `headlight predict` goes by; transformers gives probabilities.
    ...(thresholds === null ? {} : { headlight: { thresholds } }),
  };
}

/** What `transformers` reads as a float and refuses as an integer; JSON.parse has lost the difference. */
const FLOATS =
  /"(initializer_cutoff_factor|initializer_range|(?:layer_)?norm_eps(?:ilon)?)": (-?\d+)(?=[,\s}])/g;

/** config.json's bytes, floats written as floats. */
export function configBytes(config: Readonly<Record<string, unknown>>): Uint8Array {
  const text = new TextDecoder().decode(jsonBytes(config));
  return new TextEncoder().encode(text.replace(FLOATS, '"$1": $2.0'));
}

/** Decoders are classified on the last token that is no padding, so `transformers` must know which one that is. */
function paddingId(
  config: Readonly<Record<string, unknown>>,
  { layout }: StockNames,
): Record<string, unknown> {
  const end = config['eos_token_id'];
  if (layout.head.pooling !== 'last' || (config['pad_token_id'] ?? null) !== null) return {};
  return typeof end === 'number' ? { pad_token_id: end } : {};
}

/** GPT-2's end of a text, which stands for padding where there is no token of its own. */
const END_OF_TEXT = '<|endoftext|>';

const SPECIAL_TOKENS = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
];
/** What BERT's tokenizers call their special tokens, where the encoder came without tokenizer_config.json. */
const BERT_TOKENS: Readonly<Record<string, string>> = {
  unk_token: '[UNK]',
  sep_token: '[SEP]',
  pad_token: '[PAD]',
  cls_token: '[CLS]',
  mask_token: '[MASK]',
};

/**
 * tokenizer.json as it came, tokenizer_config.json with the length that texts are cut to,
 * special_tokens_map.json (made of it when there was none), and whatever else came along (vocab.txt).
 * @throws HeadlightError `bad-model` when there is no tokenizer.json.
 */
export function tokenizerFiles(parts: ModelParts, names: StockNames): Map<string, Uint8Array> {
  const files = new Map(parts.tokenizer.map(({ name, bytes }) => [name, bytes]));
  const tokenizer = files.get('tokenizer.json');
  if (tokenizer === undefined) {
    throw new HeadlightError('bad-model', 'The encoder came without tokenizer.json.', {
      hint: 'Choose a model whose folder has one, as the tokenizers library saves it.',
    });
  }
  const own = files.get('tokenizer_config.json');
  const config: Record<string, unknown> = {
    ...(own === undefined
      ? { tokenizer_class: 'PreTrainedTokenizerFast', ...knownTokens(tokenizer) }
      : (parseJson(own, 'tokenizer_config.json') as Record<string, unknown>)),
    model_max_length: parts.maxTokens,
  };
  const spaced = parts.task === 'token_classification' ? wordTokenizer(tokenizer) : null;
  if (spaced !== null) {
    files.set('tokenizer.json', spaced);
    config['add_prefix_space'] = true;
  }
  // Some encoders have no token types, whatever class their tokenizer is of.
  if (!names.layout.tokenTypes) config['model_input_names'] = ['input_ids', 'attention_mask'];
  if (names.layout.head.pooling === 'last' && (config['pad_token'] ?? null) === null)
    config['pad_token'] = config['eos_token'] ?? END_OF_TEXT;
  files.set('tokenizer_config.json', jsonBytes(config));
  if (!files.has('special_tokens_map.json')) {
    const special = SPECIAL_TOKENS.filter((name) => (config[name] ?? null) !== null);
    files.set(
      'special_tokens_map.json',
      jsonBytes(Object.fromEntries(special.map((name) => [name, config[name]]))),
    );
  }
  return files;
}

function knownTokens(tokenizerJson: Uint8Array): Record<string, string> {
  const json = parseJson(tokenizerJson, 'tokenizer.json') as {
    readonly added_tokens?: readonly { readonly content: string }[];
  };
  const added = new Set((json.added_tokens ?? []).map(({ content }) => content));
  return Object.fromEntries(Object.entries(BERT_TOKENS).filter(([, token]) => added.has(token)));
}
