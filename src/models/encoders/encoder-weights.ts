/** What an encoder's graphs are built of: a checkpoint's tensors, or a graph that was exported. */
import { HeadlightError } from '../../base';
import { readSafetensors, type Checkpoint } from '../checkpoints';

export type EncoderWeights =
  /** Tensors are views into the files, which stand in memory once. */
  | { readonly kind: 'checkpoint'; readonly checkpoint: Checkpoint }
  /** `external`: the files beside the graph that hold its weights, by the name that the graph gives them. */
  | {
      readonly kind: 'onnx';
      readonly model: Uint8Array;
      readonly external: ReadonlyMap<string, Uint8Array>;
    };

/** What any encoder is opened from. */
export interface EncoderFiles {
  /** `config.json`. */
  readonly config: Uint8Array;
  readonly weights: EncoderWeights;
}

/** The tensors that an architecture's graph is built of. @throws HeadlightError `bad-model` for a graph. */
export function checkpointOf(weights: EncoderWeights): Checkpoint {
  if (weights.kind === 'checkpoint') return weights.checkpoint;
  throw new HeadlightError('bad-model', 'This model is an exported graph without a checkpoint.', {
    hint: 'Choose a model with model.safetensors or pytorch_model.bin.',
  });
}

/** The graph, with its weights inside. @throws HeadlightError `bad-model` for a checkpoint. */
export function onnxOf(weights: EncoderWeights): Uint8Array {
  if (weights.kind === 'onnx') return weights.model;
  throw new HeadlightError(
    'bad-model',
    'This model is a checkpoint where its config.json promises model.onnx.',
    {
      hint: 'Check that config.json and the weights belong to the same model.',
    },
  );
}

/** Weights that were made here, by name. */
export function tensorWeights(tensors: Checkpoint['tensors']): EncoderWeights {
  return { kind: 'checkpoint', checkpoint: { tensors, metadata: new Map() } };
}

/** Weights of one safetensors file. @throws HeadlightError `bad-model` when it cannot be read. */
export function safetensorsWeights(file: Uint8Array): EncoderWeights {
  return { kind: 'checkpoint', checkpoint: readSafetensors(file) };
}

/** Weights of one ONNX file that holds them itself. */
export function onnxWeights(model: Uint8Array): EncoderWeights {
  return { kind: 'onnx', model, external: new Map() };
}
