/**
 * Operators added to a graph of another opset than Headlight's own: each in the form that the graph's opset
 * has for it, and, where there is a choice, one that has been the same in all of them.
 */
import { HeadlightError } from '../../../base';
import {
  attribute,
  makeTensor,
  type Attribute,
  type ElementType,
  type Node,
  type Tensor,
} from '../../../graph/onnx';
import type { Pooling } from '../../types';
import type { ClosingToken } from '../inputs';
import { MASKED, COUNT_EPSILON, NORM_EPSILON, type HeadWeights } from '../pooling';

/** From this opset on axes are an input: of sums since 13, of all reductions since 18. */
const SUM_AXES_INPUT = 13;
const AXES_INPUT = 18;
const CUMULATIVE_SUM = 11;

export class PlainOperators {
  readonly nodes: Node[] = [];
  readonly initializers: Tensor[] = [];
  readonly #opset: number;
  readonly #prefix: string;

  /** @param prefix before every name that is added, so that none is taken. */
  constructor(opset: number, prefix: string) {
    this.#opset = opset;
    this.#prefix = prefix;
  }

  add(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    const name = `${this.#prefix}${this.nodes.length}.${opType}`;
    const output = `${name}.out`;
    this.nodes.push({
      name,
      opType,
      domain: '',
      inputs,
      outputs: [output],
      attributes: new Map(Object.entries(attributes)),
    });
    return output;
  }

  /** The value under this name. */
  named(value: string, name: string): void {
    this.nodes.push({
      name: `${this.#prefix}${this.nodes.length}.Identity`,
      opType: 'Identity',
      domain: '',
      inputs: [value],
      outputs: [name],
      attributes: new Map(),
    });
  }

  floats(dims: readonly number[], values: Float32Array): string {
    return this.#tensor((name) => makeTensor(name, 'float32', dims, values));
  }

  scalar(value: number): string {
    return this.floats([], Float32Array.of(value));
  }

  integers(dims: readonly number[], ...values: readonly number[]): string {
    return this.#tensor((name) =>
      makeTensor(name, 'int64', dims, BigInt64Array.from(values, BigInt)),
    );
  }

  cast(value: string, to: ElementType): string {
    return this.add('Cast', [value], { to: attribute.elementType(to) });
  }

  reshape(value: string, ...shape: readonly number[]): string {
    return this.add('Reshape', [value, this.integers([shape.length], ...shape)]);
  }

  /** Sum over, or the largest along, one axis, which goes. */
  reduce(opType: 'ReduceSum' | 'ReduceMax', value: string, axis: number, keep = false): string {
    const keepdims = attribute.int(keep ? 1 : 0);
    const asInput = this.#opset >= (opType === 'ReduceSum' ? SUM_AXES_INPUT : AXES_INPUT);
    return asInput
      ? this.add(opType, [value, this.integers([1], axis)], { keepdims })
      : this.add(opType, [value], { keepdims, axes: attribute.ints([axis]) });
  }

  /** [batch, tokens] of ones and zeros to the number of ones up to each place. */
  counted(ones: string): string {
    if (this.#opset < CUMULATIVE_SUM)
      throw new HeadlightError(
        'bad-model',
        `The model is of opset ${this.#opset}, which has no CumSum to count places with.`,
        { hint: 'Export it again with opset 17.' },
      );
    return this.add('CumSum', [ones, this.integers([], 1)]);
  }

  /** As `pool` of encoders that Headlight builds: [batch, tokens, hidden] to [batch, hidden]. */
  pool(hidden: string, mask: string, pooling: Pooling): string {
    switch (pooling) {
      case 'cls':
        return this.add('Gather', [hidden, this.integers([], 0)], { axis: attribute.int(1) });
      case 'mean': {
        const sum = this.add('MatMul', [this.reshape(mask, 0, 1, -1), hidden]);
        const count = this.reduce('ReduceSum', mask, 1, true);
        const divisor = this.add('Max', [count, this.scalar(COUNT_EPSILON)]);
        return this.add('Div', [this.reduce('ReduceSum', sum, 1), divisor]);
      }
      case 'last': {
        const counted = this.add('Mul', [mask, this.counted(mask)]);
        const furthest = this.add('Max', [
          this.reduce('ReduceMax', counted, 1, true),
          this.scalar(1),
        ]);
        const isLast = this.add('Equal', [counted, furthest]);
        const chosen = this.add('Cast', [isLast], { to: attribute.elementType('float32') });
        return this.reduce(
          'ReduceSum',
          this.add('MatMul', [this.reshape(chosen, 0, 1, -1), hidden]),
          1,
        );
      }
      case 'max': {
        const absent = this.add('Sub', [this.scalar(1), mask]);
        const penalty = this.add('Mul', [absent, this.scalar(MASKED)]);
        const masked = this.add('Add', [hidden, this.reshape(penalty, 0, -1, 1)]);
        return this.reduce('ReduceMax', masked, 1);
      }
    }
  }

  /**
   * A weighted mean of hidden states: see `mixLayers`.
   * @param weights checked, one for each state.
   */
  mixed(states: readonly string[], weights: readonly number[]): string {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const parts = states.flatMap((state, layer) => {
      const share = (weights[layer] ?? 0) / total;
      if (share === 0) return [];
      return [this.add('Mul', [this.cast(state, 'float32'), this.scalar(share)])];
    });
    return parts.reduce((sum, part) => this.add('Add', [sum, part]));
  }

  /** Each row at length 1. */
  normalize(rows: string): string {
    const squares = this.reduce('ReduceSum', this.add('Mul', [rows, rows]), 1, true);
    const norm = this.add('Max', [this.add('Sqrt', [squares]), this.scalar(NORM_EPSILON)]);
    return this.add('Div', [rows, norm]);
  }

  head(rows: string, hidden: number, { classes, weight, bias }: HeadWeights): string {
    const inputs = [rows, this.floats([classes, hidden], weight), this.floats([classes], bias)];
    return this.add('Gemm', inputs, { transB: attribute.int(1) });
  }

  /** The closing token at the last place of each text that was cut without it. */
  closed(ids: string, mask: string, { id, maxTokens }: ClosingToken): string {
    const places = this.add('Mul', [mask, this.counted(mask)]);
    const isLast = this.add('Equal', [places, this.integers([], maxTokens)]);
    return this.add('Where', [isLast, this.integers([], id), ids]);
  }

  #tensor(make: (name: string) => Tensor): string {
    const name = `${this.#prefix}constant.${this.initializers.length}`;
    this.initializers.push(make(name));
    return name;
  }
}
