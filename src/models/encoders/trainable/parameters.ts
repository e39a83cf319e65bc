/**
 * The parameters of an encoder with a task head: read from the checkpoint, made new where it has none, kept
 * in the precision and marked as trainable as the method of training says.
 */
import { HeadlightError, seededRandom, type Random } from '../../../base';
import { halfBits } from '../../checkpoints';
import type { TransformerConfig } from '../config';
import { layoutOf } from '../layout';
import { quantizeRows } from '../quantize';
import type { Parameter, ParameterValues, TrainableOptions } from '../trainable-types';
import { Weights } from '../weights';
import { addAdapters } from './lora';

/** A tensor of the model before anything is known of its values. */
interface Slot {
  /** With the prefix that models with a head have. */
  readonly name: string;
  readonly dims: readonly number[];
  readonly kind: 'table' | 'matrix' | 'bias' | 'norm';
  /** The layer it belongs to, from 0. */
  readonly part: number | 'embeddings' | 'head';
}

/** Tensors of one linear layer. */
const linear = (name: string, out: number, into: number, part: Slot['part']): Slot[] => [
  { name: `${name}.weight`, dims: [out, into], kind: 'matrix', part },
  { name: `${name}.bias`, dims: [out], kind: 'bias', part },
];

const layerNorm = (name: string, size: number, part: Slot['part']): Slot[] => [
  { name: `${name}.weight`, dims: [size], kind: 'norm', part },
  { name: `${name}.bias`, dims: [size], kind: 'bias', part },
];

function encoderSlots(config: TransformerConfig, typeRows: number): Slot[] {
  const layout = layoutOf(config);
  const { hiddenSize: hidden, intermediateSize: wide } = config;
  const named = (name: string): string => layout.prefix + name;
  const table = (name: string, rows: number): Slot => ({
    name: named(name),
    dims: [rows, hidden],
    kind: 'table',
    part: 'embeddings',
  });
  const slots = [
    table(layout.words, config.vocabSize),
    table(layout.positions, config.maxTokens),
    ...(layout.types === null ? [] : [table(layout.types, typeRows)]),
    ...layerNorm(named(layout.embeddingsNorm), hidden, 'embeddings'),
  ];
  for (let index = 0; index < config.layers; index++) {
    const names = layout.layer(index);
    slots.push(
      ...linear(named(names.query), hidden, hidden, index),
      ...linear(named(names.key), hidden, hidden, index),
      ...linear(named(names.value), hidden, hidden, index),
      ...linear(named(names.attentionOutput), hidden, hidden, index),
      ...layerNorm(named(names.attentionNorm), hidden, index),
      ...linear(named(names.intermediate), wide, hidden, index),
      ...linear(named(names.output), hidden, wide, index),
      ...layerNorm(named(names.outputNorm), hidden, index),
    );
  }
  return slots;
}

function headSlots(config: TransformerConfig, { task, head, classes }: TrainableOptions): Slot[] {
  const { headDense, classifier } = layoutOf(config);
  const { hiddenSize: hidden } = config;
  if (task === 'embedding') return [];
  const hasDense = task === 'text' && head === 'stock';
  return [
    ...(hasDense ? linear(headDense, hidden, hidden, 'head') : []),
    ...linear(classifier, classes, hidden, 'head'),
  ];
}

/** @throws HeadlightError `bad-model` when weights are missing or do not fit config.json; `bad-setting`. */
export function readParameters(
  config: TransformerConfig,
  file: Uint8Array,
  options: TrainableOptions,
): Map<string, Parameter> {
  const layout = layoutOf(config);
  const { method } = options;
  if (method.name === 'last' && !(method.layers >= 1 && method.layers <= config.layers))
    throw new HeadlightError(
      'bad-setting',
      `The last ${method.layers} layers cannot be trained: the encoder has ${config.layers}.`,
      { hint: `Choose a number from 1 to ${config.layers}.` },
    );
  const weights = new Weights(file, 'as-kept', ['', layout.prefix], layout.words);
  const random = seededRandom(options.seed);
  const typeRows = layout.types === null ? 0 : weights.rows(layout.types, config.hiddenSize);
  const parameters = new Map<string, Parameter>();

  for (const slot of encoderSlots(config, typeRows)) {
    const name = slot.name.slice(layout.prefix.length);
    const trainable = isTrained(slot, config, options);
    const values =
      method.name === 'lora' && !trainable
        ? frozenValues(weights, name, slot, method.base)
        : fullValues(weights, name, slot);
    add(slot, values, trainable);
  }
  for (const slot of headSlots(config, options))
    add(slot, { precision: 'fp32', data: headValues(weights, slot, config, random) }, true);
  if (method.name === 'lora') addAdapters(parameters, config, method, random);
  return parameters;

  function add(slot: Slot, values: ParameterValues, trainable: boolean): void {
    const { name, dims, kind } = slot;
    // As `Trainer.get_decay_parameter_names`: neither biases nor LayerNorm.
    const decay = kind === 'matrix' || kind === 'table';
    parameters.set(name, { name, dims, values, trainable, decay });
  }
}

function isTrained(
  { kind, part }: Slot,
  { layers }: TransformerConfig,
  { method }: TrainableOptions,
): boolean {
  switch (method.name) {
    case 'full':
      return true;
    case 'last':
      return typeof part === 'number' && part >= layers - method.layers;
    case 'bitfit':
      return kind === 'bias';
    case 'lora':
    case 'head':
      return false;
  }
}

function fullValues(weights: Weights, name: string, { dims }: Slot): ParameterValues {
  const [rows = 0, columns] = dims;
  const data =
    columns === undefined ? weights.vector(name, rows) : weights.floats(name, rows, columns);
  return { precision: 'fp32', data };
}

/** Small things stay in 32 bits: they cost nothing, and LayerNorm needs them. */
function frozenValues(
  weights: Weights,
  name: string,
  slot: Slot,
  base: 'fp32' | 'fp16' | 'int8',
): ParameterValues {
  const [rows = 0, columns = 0] = slot.dims;
  const isLarge = slot.kind === 'matrix' || name.endsWith('word_embeddings.weight');
  if (base === 'fp32' || !isLarge) return fullValues(weights, name, slot);
  if (base === 'fp16')
    return { precision: 'fp16', data: halfBits(weights.floats(name, rows, columns)) };
  const { values, scales } = weights.matrix(name, rows, columns);
  if (values instanceof Int8Array && scales !== null)
    return { precision: 'int8', data: values, scales };
  const quantized = quantizeRows(weights.floats(name, rows, columns), rows, columns);
  return { precision: 'int8', data: quantized.values, scales: quantized.scales };
}

/** The checkpoint's where it has a head of this shape; else as `transformers` starts one. */
function headValues(
  weights: Weights,
  { name, dims, kind }: Slot,
  { initializerRange }: TransformerConfig,
  random: Random,
): Float32Array {
  const found = weights.absolute(name, dims);
  if (found !== null) return found;
  const size = dims.reduce((product, dim) => product * dim, 1);
  const data = new Float32Array(size);
  if (kind === 'matrix')
    for (let i = 0; i < size; i++) data[i] = random.normal() * initializerRange;
  return data;
}
