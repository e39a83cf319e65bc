/**
 * Reverse-mode differentiation of ONNX graphs: the contract. A training graph carries no weights: every
 * parameter is an input of the graph, under its checkpoint name, and all shapes are numbers (one graph a
 * (batch, tokens) bucket). So a session costs little, all buckets share the weights, and on WebGPU they
 * stay in GPU buffers.
 */
import type { Model } from '../onnx';

export interface DifferentiateOptions {
  /** The scalar float output that is differentiated. */
  readonly loss: string;
  /** Inputs of the graph (float32 or float64) that gradients are wanted of. */
  readonly wrt: readonly string[];
  /**
   * Names of values between which activations are not kept but computed again in the backward pass
   * (gradient checkpointing; Chen et al. 2016, https://arxiv.org/abs/1604.06174), in the order of the
   * graph. Default none.
   */
  readonly checkpoints?: readonly string[];
  /** What the gradients are lowered for: WebGPU has fewer operators. Default `cpu`. */
  readonly device?: 'cpu' | 'wasm' | 'webgpu' | 'cuda';
}

export interface Differentiated {
  /** The graph with its own outputs and the gradients as further ones; what neither needs is gone. */
  readonly model: Model;
  /** Name of the gradient's output by the input's name: `gradient:<input>`. Shapes as the inputs'. */
  readonly gradients: ReadonlyMap<string, string>;
}
