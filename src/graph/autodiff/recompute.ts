/**
 * Gradient checkpointing: of the values between two checkpoints the backward pass keeps none, it makes
 * them again from the checkpoint before. Nodes are cloned, and each clone that starts from kept values
 * starts from them plus a zero that is computed of the gradient that arrives: so the runtime cannot see
 * that a clone equals its original (and merge the two), nor run it before the backward pass is there.
 *
 * Source: Chen et al. 2016, https://arxiv.org/abs/1604.06174
 */
import { HeadlightError } from '../../base';
import { attribute, type GraphBuilder, type Node, type Value } from '../onnx';
import { count, sizes, zeroAfter } from './emit';
import type { TrainingDevice } from './rule';
import { StoredWeights } from './stored-weights';

export class Recomputation {
  readonly #g: GraphBuilder;
  readonly #nodes: readonly Node[];
  /** The node that makes a value, by the value's name. */
  readonly #makers = new Map<string, number>();
  readonly #checkpoints: readonly number[];
  readonly #kept = new Set<string>();
  readonly #clones = new Map<string, Value>();
  readonly #guarded = new Map<string, Value>();
  readonly #zeros = new Map<number, Value>();
  readonly #stored: StoredWeights;

  /**
   * @param nodes of the forward pass.
   * @param outputs of the graph, which are kept.
   * @throws HeadlightError `internal` when a checkpoint is no value that a node makes.
   */
  constructor(
    g: GraphBuilder,
    nodes: readonly Node[],
    outputs: readonly string[],
    checkpoints: readonly string[],
    device: TrainingDevice,
  ) {
    this.#g = g;
    this.#nodes = nodes;
    this.#stored = new StoredWeights(g, nodes, outputs, device);
    nodes.forEach((node, i) => {
      for (const name of node.outputs) if (name !== '') this.#makers.set(name, i);
    });
    this.#checkpoints = checkpoints.map((name) => {
      const maker = this.#makers.get(name);
      if (maker === undefined)
        throw new HeadlightError('internal', `No node makes the checkpoint ${name}.`);
      return maker;
    });
    for (const name of [...outputs, ...checkpoints]) this.#kept.add(name);
    // What a later segment uses lives until there anyway.
    nodes.forEach((node, i) => {
      for (const name of node.inputs) {
        const maker = this.#makers.get(name);
        if (maker !== undefined && this.#segment(maker) !== this.#segment(i)) this.#kept.add(name);
      }
    });
  }

  /**
   * The value for use in the backward pass.
   * @param gradient what the backward pass has just made: the clones of this segment wait for it.
   */
  value(name: string, gradient: Value): Value {
    const maker = this.#makers.get(name);
    const done = this.#clones.get(name);
    if (done !== undefined) return done;
    if (maker !== undefined && this.#stored.has(name)) return this.#stored.again(name, gradient);
    if (maker === undefined || this.#kept.has(name)) return this.#g.value(name);
    const segment = this.#segment(maker);
    if (segment === this.#checkpoints.length) return this.#g.value(name);
    return this.#clone(this.#nodes[maker]!, name, segment, gradient);
  }

  #clone(node: Node, name: string, segment: number, gradient: Value): Value {
    const inputs = node.inputs.map((input) => (input === '' ? null : this.value(input, gradient)));
    if (inputs.every((value, i) => value?.name === node.inputs[i] || value === null)) {
      // Only kept values: one of them must wait for the gradient. The smallest costs least.
      const start = this.#cheapest(inputs, this.#g.value(name));
      if (start === -1) {
        this.#kept.add(name);
        return this.#g.value(name);
      }
      inputs[start] = this.#guard(inputs[start]!, segment, gradient);
    }
    const made = this.#g.addAll(
      node.opType,
      inputs,
      Object.fromEntries(node.attributes),
      node.domain,
      node.outputs.length,
    );
    node.outputs.forEach((output, i) => {
      if (output !== '') this.#clones.set(output, made[i]!);
    });
    return this.#clones.get(name)!;
  }

  /** The input to add a zero to: float, and smaller than what is saved; -1 when there is none. */
  #cheapest(inputs: readonly (Value | null)[], output: Value): number {
    let best = -1;
    let least = count(sizes(output));
    inputs.forEach((value, i) => {
      if (value === null || value.constant || !/^float(32|64)$/.test(value.elementType)) return;
      const size = count(sizes(value));
      if (size > least) return;
      best = i;
      least = size;
    });
    return best;
  }

  #guard(value: Value, segment: number, gradient: Value): Value {
    const key = `${segment}:${value.name}`;
    const done = this.#guarded.get(key);
    if (done !== undefined) return done;
    const g = this.#g;
    let zero = this.#zeros.get(segment);
    if (zero === undefined) {
      zero = zeroAfter(g, gradient);
      this.#zeros.set(segment, zero);
    }
    const typed =
      zero.elementType === value.elementType
        ? zero
        : g.add('Cast', [zero], { to: attribute.elementType(value.elementType) });
    const guarded = g.add('Add', [value, typed]);
    this.#guarded.set(key, guarded);
    return guarded;
  }

  #segment(node: number): number {
    return this.#checkpoints.filter((checkpoint) => checkpoint < node).length;
  }
}
