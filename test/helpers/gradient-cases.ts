/**
 * One small graph for every gradient rule, used on every device: a case makes an output of named inputs,
 * and the loss is its product with fixed random numbers, summed, so that no gradient is left out by
 * symmetry. Inputs are seeded.
 */
import { attribute, GraphBuilder, type Model, type Value } from '../../src/graph/onnx';
import type { TensorData } from '../../src/platform';

export type Float = 'float32' | 'float64';

export interface GradientCase {
  readonly name: string;
  readonly build: (c: CaseBuilder) => Value;
}

export interface BuiltCase {
  readonly model: Model;
  readonly feeds: Readonly<
    Record<
      string,
      {
        readonly dims: readonly number[];
        readonly values: readonly number[];
        readonly type: 'float' | 'int32' | 'bool';
      }
    >
  >;
  readonly wrt: readonly string[];
}

/** mulberry32: the same numbers everywhere. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export class CaseBuilder {
  readonly g = new GraphBuilder({ name: 'case' });
  readonly feeds: Record<string, BuiltCase['feeds'][string]> = {};
  readonly wrt: string[] = [];
  readonly #random = randomNumbers(20261121);

  constructor(readonly type: Float) {}

  /** An input that is differentiated; values in [least, most], rounded so that float32 holds them. */
  x(name: string, dims: readonly number[], least = -1.5, most = 1.5): Value {
    this.wrt.push(name);
    return this.fixed(name, dims, least, most);
  }

  /** An input that is not differentiated. */
  fixed(name: string, dims: readonly number[], least = -1.5, most = 1.5): Value {
    const size = dims.reduce((all, dim) => all * dim, 1);
    const values = Array.from({ length: size }, () =>
      Math.fround(least + (most - least) * this.#random()),
    );
    this.feeds[name] = { dims, values, type: 'float' };
    return this.g.input(name, this.type, dims);
  }

  ints(name: string, dims: readonly number[], values: readonly number[]): Value {
    this.feeds[name] = { dims, values, type: 'int32' };
    return this.g.input(name, 'int32', dims);
  }

  bools(name: string, dims: readonly number[], values: readonly number[]): Value {
    this.feeds[name] = { dims, values, type: 'bool' };
    return this.g.input(name, 'bool', dims);
  }

  scalar(value: number): Value {
    return this.constant([], [value]);
  }

  constant(dims: readonly number[], values: readonly number[]): Value {
    return this.type === 'float32'
      ? this.g.constant('float32', dims, Float32Array.from(values))
      : this.g.constant('float64', dims, Float64Array.from(values));
  }

  build(make: GradientCase['build']): BuiltCase {
    const { g } = this;
    const y = make(this);
    const weights = this.fixed('loss_weights', y.dims as number[]);
    const all = (y.dims ?? []).map((_, i) => i);
    const products = g.add('Mul', [y, weights]);
    const loss =
      all.length === 0
        ? products
        : g.add('ReduceSum', [products, g.integers(...all)], {
            keepdims: attribute.int(0),
          });
    g.output(loss, 'loss');
    return { model: g.build(), feeds: this.feeds, wrt: this.wrt };
  }
}

export function buildCase(one: GradientCase, type: Float): BuiltCase {
  return new CaseBuilder(type).build(one.build);
}

/** The feeds as tensors of the platform. */
export function tensorsOf(built: BuiltCase, type: Float): Record<string, TensorData> {
  return Object.fromEntries(
    Object.entries(built.feeds).map(
      ([name, { type: kind, dims, values }]): [string, TensorData] => {
        if (kind === 'int32') return [name, { type: kind, dims, data: Int32Array.from(values) }];
        if (kind === 'bool') return [name, { type: kind, dims, data: Uint8Array.from(values) }];
        return type === 'float64'
          ? [name, { type, dims, data: Float64Array.from(values) }]
          : [name, { type, dims, data: Float32Array.from(values) }];
      },
    ),
  );
}
