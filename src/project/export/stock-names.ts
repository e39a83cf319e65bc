/** What the parts of a checkpoint and of config.json are called, an architecture. As `transformers` has it. */
import { HeadlightError } from '../../base';

export interface StockNames {
  readonly modelType: 'bert' | 'distilbert';
  /** Before the encoder's names in a checkpoint with a head. */
  readonly prefix: string;
  /** Before a layer's number, after the prefix. */
  readonly layer: string;
  /** The LayerNorm that ends the embeddings, and each layer. */
  readonly embeddingsNorm: string;
  readonly layerNorm: string;
  /** The linear layer between [CLS] and classifier, with the prefix, and what follows it. */
  readonly dense: string;
  readonly activation: 'tanh' | 'relu';
  readonly classifier: string;
  /** Keys of config.json. */
  readonly layersKey: string;
  readonly hiddenKey: string;
  readonly sequenceClass: string;
  readonly tokenClass: string;
  readonly encoderClass: string;
}

const NAMES: readonly StockNames[] = [
  {
    modelType: 'bert',
    prefix: 'bert.',
    layer: 'encoder.layer.',
    embeddingsNorm: 'embeddings.LayerNorm',
    layerNorm: 'output.LayerNorm',
    dense: 'bert.pooler.dense',
    activation: 'tanh',
    classifier: 'classifier',
    layersKey: 'num_hidden_layers',
    hiddenKey: 'hidden_size',
    sequenceClass: 'BertForSequenceClassification',
    tokenClass: 'BertForTokenClassification',
    encoderClass: 'BertModel',
  },
  {
    modelType: 'distilbert',
    prefix: 'distilbert.',
    layer: 'transformer.layer.',
    embeddingsNorm: 'embeddings.LayerNorm',
    layerNorm: 'output_layer_norm',
    dense: 'pre_classifier',
    activation: 'relu',
    classifier: 'classifier',
    layersKey: 'n_layers',
    hiddenKey: 'dim',
    sequenceClass: 'DistilBertForSequenceClassification',
    tokenClass: 'DistilBertForTokenClassification',
    encoderClass: 'DistilBertModel',
  },
];

/**
 * @param config of the encoder, as parsed.
 * @throws HeadlightError `bad-model` for an architecture whose stock head is not known.
 */
export function stockNames(config: Readonly<Record<string, unknown>>): StockNames {
  const found = NAMES.find(({ modelType }) => modelType === config['model_type']);
  if (found !== undefined) return found;
  throw new HeadlightError(
    'bad-model',
    `There is no Hugging Face folder for encoders of the type ${JSON.stringify(config['model_type'] ?? null)}.`,
    { hint: 'Take the ONNX classifier away instead; it runs in transformers.js and onnxruntime.' },
  );
}

export function hasStockNames(config: Readonly<Record<string, unknown>>): boolean {
  return NAMES.some(({ modelType }) => modelType === config['model_type']);
}
