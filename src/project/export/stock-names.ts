/** What `transformers` calls an architecture's classes, and where its stock head stands in a checkpoint. */
import { HeadlightError } from '../../base';
import { parseEncoderConfig, TRANSFORMERS, type Layout, type TransformerType } from '../../models';
import { jsonBytes } from '../documents';

interface Classes {
  readonly modelType: TransformerType;
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

/** What the names of the classes begin with. */
const FAMILIES: Readonly<Record<TransformerType, string>> = {
  bert: 'Bert',
  distilbert: 'DistilBert',
  electra: 'Electra',
  roberta: 'Roberta',
  'xlm-roberta': 'XLMRoberta',
  mpnet: 'MPNet',
  albert: 'Albert',
  gpt2: 'GPT2',
  gpt_neo: 'GPTNeo',
  deberta: 'Deberta',
  'deberta-v2': 'DebertaV2',
  modernbert: 'ModernBert',
};

/** Other names of config.json for the number of layers. */
const LAYERS_KEYS: Readonly<Record<string, string>> = {
  distilbert: 'n_layers',
  gpt2: 'n_layer',
};

function classesOf(modelType: TransformerType): Classes {
  const family = FAMILIES[modelType];
  return {
    modelType,
    layersKey: LAYERS_KEYS[modelType] ?? 'num_hidden_layers',
    sequenceClass: `${family}ForSequenceClassification`,
    tokenClass: `${family}ForTokenClassification`,
    encoderClass: `${family}Model`,
  };
}

function known(config: Readonly<Record<string, unknown>>): TransformerType | undefined {
  return TRANSFORMERS.find((modelType) => modelType === config['model_type']);
}

/**
 * @param config of the encoder, as parsed.
 * @throws HeadlightError `bad-model` for an architecture whose stock head is not known.
 */
export function stockNames(config: Readonly<Record<string, unknown>>): StockNames {
  const modelType = known(config);
  if (modelType !== undefined) {
    const parsed = parseEncoderConfig(jsonBytes(config));
    if (parsed.modelType !== 'headlight-static')
      return { ...classesOf(modelType), layout: parsed.layout };
  }
  throw new HeadlightError(
    'bad-model',
    `There is no Hugging Face folder for encoders of the type ${JSON.stringify(config['model_type'] ?? null)}.`,
    { hint: 'Take the ONNX classifier away instead; it runs in transformers.js and onnxruntime.' },
  );
}

export function hasStockNames(config: Readonly<Record<string, unknown>>): boolean {
  return known(config) !== undefined;
}
