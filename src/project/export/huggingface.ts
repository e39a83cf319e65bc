/**
 * A trained model as the folder that `transformers`, transformers.js and onnxruntime load. The heads of
 * `transformers` leave as `…ForSequenceClassification` or `…ForTokenClassification`. Mean pooling with a
 * linear layer is no such class: it leaves as ONNX for transformers.js and onnxruntime, and as
 * sentence-transformers' modules for Python; there is no model.safetensors beside config.json then, so that
 * `AutoModelForSequenceClassification` refuses it instead of loading it with a random head.
 */
import { HeadlightError } from '../../base';
import {
  classifierModelGraph,
  float32Values,
  loadTokenizer,
  tensorOf,
  tensorWeights,
  writeSafetensors,
  type CheckpointTensor,
  type ClosingToken,
} from '../../models';
import { jsonBytes } from '../documents';
import { card } from './card';
import { keepClosingToken } from './closing';
import {
  javascriptLines,
  ONNX_VARIANTS,
  onnxruntimeLines,
  sentenceTransformersLines,
  transformersLines,
  type OnnxVariant,
} from './loading';
import { configBytes, modelConfig, tokenizerFiles } from './model-files';
import type { ModelParts } from './parts';
import { stockNames, type StockNames } from './stock-names';

export interface FolderOptions {
  readonly onnx: readonly OnnxVariant[];
  /** Whether the weights for Python go along. Without them the folder is for transformers.js and onnxruntime. */
  readonly weights: boolean;
  /** `owner/name` when it goes to the Hub; null: the card speaks of a folder. */
  readonly repository: string | null;
}

/**
 * @returns files by their path in the folder.
 * @throws HeadlightError `bad-model` for an architecture without stock heads, `bad-setting` for tokens with
 *   a mean-pooling head.
 */
export function hfFolder(parts: ModelParts, options: FolderOptions): Map<string, Uint8Array> {
  const names = stockNames(parts.config);
  if (parts.head === 'mean' && parts.task === 'token_classification') {
    throw new HeadlightError(
      'bad-setting',
      'Mean pooling leaves one vector a text, none a token.',
      {
        hint: 'Choose the stock head for token classification.',
      },
    );
  }
  const { groups } = parts;
  if (groups !== undefined && options.weights) {
    throw new HeadlightError(
      'bad-setting',
      `${names.sequenceClass} has one logit a class: it cannot say one label for several classes of the model, or for none.`,
      {
        hint: 'Take the ONNX classifier away, whose graph joins them; or match every label with one class.',
      },
    );
  }
  const config = configBytes(modelConfig(parts, names));
  const tokenizer = tokenizerFiles(parts, names);
  const files = new Map<string, Uint8Array>([['config.json', config], ...tokenizer]);
  if (options.weights && parts.head === 'stock')
    files.set('model.safetensors', writeSafetensors(parts.checkpoint));
  if (options.weights && parts.head === 'mean')
    for (const [name, bytes] of sentenceModules(parts, names, tokenizer)) files.set(name, bytes);
  const weights = tensorWeights(parts.checkpoint);
  const closing = closingToken(tokenizer, parts.maxTokens);
  for (const variant of new Set(options.onnx)) {
    const graph = classifierModelGraph(
      { config, weights },
      {
        task: parts.task === 'token_classification' ? 'token' : 'text',
        head: parts.head,
        classes: groups?.own ?? parts.classes.length,
        variant,
        ...(groups === undefined ? {} : { groups: groups.classes }),
      },
    );
    files.set(
      ONNX_VARIANTS[variant].file,
      closing === null ? graph : keepClosingToken(graph, closing),
    );
  }
  files.set('README.md', new TextEncoder().encode(folderCard(parts, options)));
  return files;
}

function folderCard(parts: ModelParts, { onnx, repository, weights }: FolderOptions): string {
  const place = { task: parts.task, pair: parts.pair, where: repository ?? 'THIS_FOLDER' };
  const [first] = onnx;
  const isStock = parts.head === 'stock';
  const python = isStock ? transformersLines(place) : sentenceTransformersLines(place);
  return card(parts, {
    library: !weights ? 'transformers.js' : isStock ? 'transformers' : 'sentence-transformers',
    tags: [...(first === undefined ? [] : ['onnx', 'transformers.js'])],
    ...(isStock || !weights
      ? {}
      : {
          notice:
            'The head is mean pooling and one linear layer, for which `transformers` has no class: `AutoModelForSequenceClassification` cannot load this folder. sentence-transformers, transformers.js and onnxruntime can.',
        }),
    loading: [
      ...(weights ? [python] : []),
      ...(first === undefined
        ? []
        : [javascriptLines(place, onnx, repository === null), onnxruntimeLines(place, first)]),
    ].join('\n\n'),
  });
}

/** The one special token that ends every text; null when there is none, or there are several. */
function closingToken(
  files: ReadonlyMap<string, Uint8Array>,
  maxTokens: number,
): ClosingToken | null {
  const json = files.get('tokenizer.json');
  if (json === undefined) return null;
  const [id, ...more] = loadTokenizer(json, files.get('tokenizer_config.json') ?? null).closingIds;
  return id === undefined || more.length > 0 ? null : { id, maxTokens };
}

/** Transformer, Pooling, Dense: each in a folder of its own, as `modules.json` says. */
function sentenceModules(
  parts: ModelParts,
  names: StockNames,
  tokenizer: ReadonlyMap<string, Uint8Array>,
): Map<string, Uint8Array> {
  const encoder = new Map<string, CheckpointTensor>();
  for (const [name, tensor] of parts.checkpoint)
    if (name.startsWith(names.layout.prefix))
      encoder.set(name.slice(names.layout.prefix.length), tensor);
  const part = (suffix: string): { tensor: CheckpointTensor; values: Float32Array } => {
    const name = `${names.layout.head.tokenClassifier}.${suffix}`;
    const tensor = parts.checkpoint.get(name);
    if (tensor === undefined)
      throw new HeadlightError('internal', `The trained model has no "${name}".`);
    return { tensor, values: float32Values(tensor, name) };
  };
  const [weight, bias] = [part('weight'), part('bias')];
  const [classes, hidden] = weight.tensor.shape;
  const plain = Object.fromEntries(
    Object.entries(modelConfig(parts, names)).filter(
      ([key]) => !['id2label', 'label2id', 'problem_type'].includes(key),
    ),
  );
  const type = (name: string): string => `sentence_transformers.models.${name}`;
  const modules = [
    { idx: 0, name: '0', path: '0_Transformer', type: type('Transformer') },
    { idx: 1, name: '1', path: '1_Pooling', type: type('Pooling') },
    { idx: 2, name: '2', path: '2_Dense', type: type('Dense') },
  ];
  return new Map<string, Uint8Array>([
    ['modules.json', jsonBytes(modules)],
    ['0_Transformer/config.json', configBytes(plain)],
    [
      '0_Transformer/sentence_bert_config.json',
      jsonBytes({ max_seq_length: parts.maxTokens, do_lower_case: false }),
    ],
    ['0_Transformer/model.safetensors', writeSafetensors(encoder)],
    ...[...tokenizer].map(([name, bytes]): [string, Uint8Array] => [
      `0_Transformer/${name}`,
      bytes,
    ]),
    [
      '1_Pooling/config.json',
      jsonBytes({
        word_embedding_dimension: hidden,
        pooling_mode_cls_token: false,
        pooling_mode_mean_tokens: true,
        pooling_mode_max_tokens: false,
        pooling_mode_mean_sqrt_len_tokens: false,
      }),
    ],
    [
      '2_Dense/config.json',
      jsonBytes({
        in_features: hidden,
        out_features: classes,
        bias: true,
        activation_function: 'torch.nn.modules.linear.Identity',
      }),
    ],
    [
      '2_Dense/model.safetensors',
      writeSafetensors(
        new Map([
          ['linear.weight', tensorOf(weight.values, weight.tensor.shape)],
          ['linear.bias', tensorOf(bias.values, bias.tensor.shape)],
        ]),
      ),
    ],
  ]);
}
