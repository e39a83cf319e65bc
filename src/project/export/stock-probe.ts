/**
 * A [CLS] probe on layer k as an ordinary `…ForSequenceClassification` checkpoint: the encoder cut after
 * layer k, in float32, with the probe folded into the stock head.
 */
import { HeadlightError } from '../../base';
import type { Head } from '../../learning/heads';
import {
  float32Values,
  int8Values,
  roundedCheckpoint,
  tensorOf,
  type Checkpoint,
  type CheckpointTensor,
  type EmbedSettings,
  type LayerEnds,
  layerEnds,
  type Precision,
} from '../../models';
import { foldProbe } from './fold-probe';
import { graphHead } from './head-graph';
import { hasStockNames, stockNames, type StockNames } from './stock-names';

export interface StockCheckpoint {
  /** The encoder's config.json, with as many layers as are left. */
  readonly config: Readonly<Record<string, unknown>>;
  /** As `transformers` names them, all float32. */
  readonly checkpoint: ReadonlyMap<string, CheckpointTensor>;
}

/**
 * @param config the encoder's config.json, parsed.
 * @param weights the encoder's checkpoint, in floats or in Headlight's 8 bits.
 * @param precision that the probe was trained in. In fewer bits what is written is the floats that they stand for,
 *   for that is what the probe has seen.
 * @throws HeadlightError `bad-setting` when the probe cannot be folded, saying why; `bad-model` when the
 *   files do not fit each other.
 */
export function probeCheckpoint(
  config: Readonly<Record<string, unknown>>,
  weights: Checkpoint,
  precision: Precision,
  embed: EmbedSettings,
  head: Head,
): StockCheckpoint {
  const names = stockNames(config);
  const ends = refuseUnfoldable(embed, names);
  const { layout } = names;
  const { dense, activation, classifier } = layout.head;
  const kept = roundedCheckpoint(weights, precision);
  const encoder = cutEncoder(kept.tensors, layout.prefix, ends, embed.layer);
  // The LayerNorm that ends the embeddings, or the layer.
  const norm = `${layout.prefix}${ends.norm(embed.layer) ?? ''}`;
  const floats = (name: string): Float32Array => {
    const tensor = encoder.get(name);
    if (tensor === undefined) {
      throw new HeadlightError('bad-model', `The encoder’s checkpoint has no weight "${name}".`, {
        hint: 'Check that config.json and the weights belong to the same model.',
      });
    }
    return float32Values(tensor, name);
  };
  const { first: folded, second } = graphHead(head);
  if (second !== null) {
    throw new HeadlightError(
      'bad-setting',
      `A probe with a hidden layer does not fit ${names.sequenceClass}, whose head is linear.`,
      { hint: 'Take the ONNX classifier away, or train a logistic regression.' },
    );
  }
  const classes = folded.outputs;
  const gamma = floats(`${norm}.weight`);
  const stock = foldProbe(
    { classes, weight: folded.weight, bias: folded.bias },
    { gamma, beta: floats(`${norm}.bias`) },
    FOLDS[activation],
  );
  const hidden = gamma.length;
  const checkpoint = new Map(encoder)
    .set(`${dense}.weight`, tensorOf(stock.denseWeight, [hidden, hidden]))
    .set(`${dense}.bias`, tensorOf(stock.denseBias, [hidden]))
    .set(`${classifier}.weight`, tensorOf(stock.weight, [classes, hidden]))
    .set(`${classifier}.bias`, tensorOf(stock.bias, [classes]));
  return { config: { ...config, [names.layersKey]: embed.layer }, checkpoint };
}

/** Whether a probe can leave as a stock head: see `probeCheckpoint`. @param config the encoder's, parsed. */
export function isFoldable(
  config: Readonly<Record<string, unknown>>,
  { layer, pooling, normalize, layerWeights }: EmbedSettings,
): boolean {
  if (layerWeights !== undefined || !hasStockNames(config)) return false;
  return endsAt(stockNames(config), layer) !== null && pooling === 'cls' && !normalize;
}

const FOLDS = { Tanh: 'tanh', Relu: 'relu', Gelu: 'gelu' } as const;

/** null: the layer ends in no LayerNorm, or the head is no linear layer on [CLS], an activation, and another. */
function endsAt({ layout }: StockNames, layer: number): LayerEnds | null {
  const { dense, denseBias, norm, classifierBias, pooling } = layout.head;
  const isPlain = dense !== null && denseBias && norm === null && classifierBias;
  const ends = isPlain && pooling === 'cls' ? layerEnds(layout) : null;
  return ends === null || ends.norm(layer) === null ? null : ends;
}

/** How the encoder is cut. */
function refuseUnfoldable(
  { layer, pooling, normalize, layerWeights }: EmbedSettings,
  names: StockNames,
): LayerEnds {
  const ends = endsAt(names, layer);
  if (ends === null) {
    throw new HeadlightError(
      'bad-setting',
      `A probe does not fit ${names.sequenceClass}: its head cannot be made to compute a probe's logits exactly.`,
      { hint: 'Take the ONNX classifier away, or fine-tune the encoder.' },
    );
  }

  if (layerWeights !== undefined) {
    throw new HeadlightError(
      'bad-setting',
      `A probe on a mix of layers does not fit ${names.sequenceClass}, whose head reads the last one only.`,
      { hint: 'Take the ONNX classifier away, or train the probe again on one layer.' },
    );
  }
  if (pooling !== 'cls') {
    throw new HeadlightError(
      'bad-setting',
      `A probe on ${pooling}-pooled tokens does not fit ${names.sequenceClass}, whose head reads the [CLS] token only.`,
      {
        hint: 'Take the ONNX classifier away, or train the probe again with the pooling cls.',
      },
    );
  }
  if (normalize) {
    throw new HeadlightError(
      'bad-setting',
      `This probe reads embeddings scaled to unit length, and ${names.sequenceClass} has no step that divides by a length.`,
      {
        hint: 'Train the probe again without “normalize” to take it away in this form, or take the ONNX classifier away.',
      },
    );
  }
  return ends;
}

/** What is of the encoder: embeddings, their projection, and what its layers share. */
const BODY = /^(embeddings|embeddings_project|encoder)\./;

/** The encoder's weights up to layer `layers`, under the prefix of a model with a head, as float32. */
function cutEncoder(
  tensors: ReadonlyMap<string, CheckpointTensor>,
  prefix: string,
  ends: LayerEnds,
  layers: number,
): Map<string, CheckpointTensor> {
  const kept = new Map<string, CheckpointTensor>();
  for (const [name, tensor] of tensors) {
    const bare = name.startsWith(prefix) ? name.slice(prefix.length) : name;
    const isLayer = ends.layers !== null && bare.startsWith(ends.layers);
    const number = isLayer ? Number.parseInt(bare.slice(ends.layers.length), 10) : -1;
    // Heads and poolers of whatever the checkpoint was before, and tables that are computed.
    if (!isLayer && !BODY.test(bare)) continue;
    if (number >= layers || bare.endsWith('position_ids')) continue;
    if (name.endsWith('.scale') && tensors.get(name.slice(0, -'.scale'.length))?.dtype === 'I8')
      continue;
    const modern = bare
      .replace(/LayerNorm\.gamma$/, 'LayerNorm.weight')
      .replace(/LayerNorm\.beta$/, 'LayerNorm.bias');
    kept.set(prefix + modern, asFloat32(name, tensor, tensors.get(`${name}.scale`)));
  }
  return kept;
}

function asFloat32(
  name: string,
  tensor: CheckpointTensor,
  scale: CheckpointTensor | undefined,
): CheckpointTensor {
  if (tensor.dtype === 'F32') return tensor;
  if (tensor.dtype !== 'I8' || scale === undefined)
    return tensorOf(float32Values(tensor, name), tensor.shape);
  const scales = float32Values(scale, `${name}.scale`);
  const columns = tensor.shape[1] ?? 1;
  const values = Float32Array.from(
    int8Values(tensor, name),
    (value, at) => value * (scales[Math.floor(at / columns)] ?? 0),
  );
  return tensorOf(values, tensor.shape);
}
