/**
 * A weighted mean over layers: hidden states are mixed before they are pooled. For mean, CLS and last-token
 * pooling the order makes no difference; the maximum is taken of the mix.
 */
import { HeadlightError } from '../../base';
import type { GraphBuilder, Value } from '../../graph/onnx';
import type { EmbedSettings } from '../types';

/** Presets by name, as the command line and the page call them. */
export const LAYER_PRESETS = ['all', 'last4'] as const;
export type LayerPreset = (typeof LAYER_PRESETS)[number];

/** Weights of layer 0 (the embeddings) to the last. `all`: every layer of the encoder, embeddings included. */
export function presetWeights(preset: LayerPreset, layers: number): number[] {
  const first = preset === 'all' ? 0 : Math.max(0, layers - 3);
  return Array.from({ length: layers + 1 }, (_, layer) => (layer >= first ? 1 : 0));
}

/** Which preset these weights are; null for others. The last four of four are all. */
export function presetOf(weights: readonly number[]): LayerPreset | null {
  const scale = Math.max(...weights);
  const same = LAYER_PRESETS.find((preset) =>
    presetWeights(preset, weights.length - 1).every(
      (weight, layer) => weight * scale === weights[layer],
    ),
  );
  return scale > 0 ? (same ?? null) : null;
}

/** `layer 6`, `all layers`, `the last four layers`, `a mix of 3 layers`. */
export function layersSaid({
  layer,
  layerWeights,
}: Pick<EmbedSettings, 'layer' | 'layerWeights'>): string {
  if (layerWeights === undefined) return `layer ${layer}`;
  switch (presetOf(layerWeights)) {
    case 'all':
      return 'all layers';
    case 'last4':
      return 'the last four layers';
    case null:
      return `a mix of ${layerWeights.filter((weight) => weight > 0).length} layers`;
  }
}

/** The deepest layer with a weight; -1 where none has one. */
export function deepestLayer(weights: readonly number[]): number {
  return weights.findLastIndex((weight) => weight > 0);
}

/**
 * Checks weights against an encoder.
 * @param layer that the settings name: the deepest of the mix.
 * @throws HeadlightError `bad-setting` naming what is wrong.
 */
export function checkLayerWeights(weights: readonly number[], layers: number, layer: number): void {
  if (layers === 0)
    throw new HeadlightError('bad-setting', 'This encoder has no layers to mix.', {
      hint: 'Leave the weights of layers out.',
    });
  if (weights.length !== layers + 1)
    throw new HeadlightError(
      'bad-setting',
      `There are ${weights.length} weights of layers, and this encoder has ${layers + 1}: the embeddings and ${layers} layers.`,
      { hint: 'Give a weight for each, 0 for those that are left out.' },
    );
  if (!weights.every((weight) => Number.isFinite(weight) && weight >= 0))
    throw new HeadlightError('bad-setting', 'A layer’s weight is a number of 0 or more.', {
      hint: 'Give 0 for layers that are left out.',
    });
  const deepest = deepestLayer(weights);
  if (deepest < 0)
    throw new HeadlightError('bad-setting', 'Every layer’s weight is 0, so nothing is left.', {
      hint: 'Give at least one layer a weight above 0.',
    });
  if (deepest !== layer)
    throw new HeadlightError(
      'bad-setting',
      `The layer is ${layer}, but the deepest one with a weight is ${deepest}.`,
      { hint: `Set the layer to ${deepest}: it says how far the encoder is computed.` },
    );
}

/**
 * The sum of weight times hidden state, the weights scaled to sum to 1.
 * @param states by layer, [batch, tokens, hidden], float32.
 * @param weights as `checkLayerWeights` has passed them.
 */
export function mixLayers(
  builder: GraphBuilder,
  states: readonly Value[],
  weights: readonly number[],
): Value {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const parts = weights.flatMap((weight, layer) => {
    const state = states[layer];
    if (weight === 0 || state === undefined) return [];
    const share = weight / total;
    return [share === 1 ? state : builder.add('Mul', [state, builder.scalar(share)])];
  });
  const [first, ...rest] = parts;
  if (first === undefined) throw new HeadlightError('internal', 'a mix of no layers');
  return rest.reduce((sum, part) => builder.add('Add', [sum, part]), first);
}
