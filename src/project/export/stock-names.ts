/** What `transformers` calls an architecture's classes, and where its stock head stands in a checkpoint. */
import { HeadlightError } from '../../base';
import { layoutOf, type Layout } from '../../models';

interface Classes {
  readonly modelType: 'bert' | 'distilbert';
  /** Of config.json. */
  readonly layersKey: string;
  readonly sequenceClass: string;
  readonly tokenClass: string;
  readonly encoderClass: string;
}

export interface StockNames extends Classes {
  /** What the weights are called. */
  readonly layout: Layout;
}

const CLASSES: readonly Classes[] = [
  {
    modelType: 'bert',
    layersKey: 'num_hidden_layers',
    sequenceClass: 'BertForSequenceClassification',
    tokenClass: 'BertForTokenClassification',
    encoderClass: 'BertModel',
  },
  {
    modelType: 'distilbert',
    layersKey: 'n_layers',
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
  const found = CLASSES.find(({ modelType }) => modelType === config['model_type']);
  if (found !== undefined) return { ...found, layout: layoutOf(found) };
  throw new HeadlightError(
    'bad-model',
    `There is no Hugging Face folder for encoders of the type ${JSON.stringify(config['model_type'] ?? null)}.`,
    { hint: 'Take the ONNX classifier away instead; it runs in transformers.js and onnxruntime.' },
  );
}

export function hasStockNames(config: Readonly<Record<string, unknown>>): boolean {
  return CLASSES.some(({ modelType }) => modelType === config['model_type']);
}
