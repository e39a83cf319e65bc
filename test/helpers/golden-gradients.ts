/** What `test/reference/graph/gradients.py` made with PyTorch. */
import type { TensorData } from '../../src/platform';
import golden from '../reference/graph/gradients.json';
import type { EncoderSizes } from './training-encoder';

interface GoldenGradients {
  readonly encoder: {
    readonly sizes: EncoderSizes;
    readonly ids: readonly number[];
    readonly mask: readonly number[];
    readonly labels: readonly number[];
    readonly loss: number;
    readonly parameters: Readonly<
      Record<
        string,
        {
          readonly dims: readonly number[];
          readonly values: readonly number[];
          readonly gradient: readonly number[];
        }
      >
    >;
  };
  readonly adamw: {
    readonly settings: {
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
      readonly weightDecay: number;
      readonly maxNorm: number;
    };
    readonly dims: Readonly<Record<string, readonly number[]>>;
    readonly decay: Readonly<Record<string, boolean>>;
    readonly start: Readonly<Record<string, readonly number[]>>;
    readonly steps: readonly {
      readonly rate: number;
      readonly norm: number;
      readonly gradients: Readonly<Record<string, readonly number[]>>;
      readonly parameters: Readonly<Record<string, readonly number[]>>;
    }[];
    readonly firstMoments: Readonly<Record<string, readonly number[]>>;
    readonly secondMoments: Readonly<Record<string, readonly number[]>>;
  };
}

export const goldenGradients: GoldenGradients = golden;

export interface PlainFeed {
  readonly type: 'float32' | 'int32' | 'int64' | 'uint8';
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

export function tensorOf({ type, dims, data }: PlainFeed): TensorData {
  if (type === 'int32') return { type, dims, data: Int32Array.from(data) };
  if (type === 'int64') return { type, dims, data: BigInt64Array.from(data, BigInt) };
  if (type === 'uint8') return { type, dims, data: Uint8Array.from(data) };
  return { type, dims, data: Float32Array.from(data) };
}

/** The encoder's inputs. */
export function goldenFeeds(): Record<string, PlainFeed> {
  const { sizes, ids, mask, labels, parameters } = goldenGradients.encoder;
  const { batch, tokens } = sizes;
  return {
    ids: { type: 'int32', dims: [batch, tokens], data: ids },
    mask: { type: 'float32', dims: [batch, tokens], data: mask },
    labels: { type: 'int32', dims: [batch], data: labels },
    ...Object.fromEntries(
      Object.entries(parameters).map(([name, { dims, values }]): [string, PlainFeed] => [
        name,
        { type: 'float32', dims, data: values },
      ]),
    ),
  };
}
