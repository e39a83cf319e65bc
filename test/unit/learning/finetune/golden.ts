/** Golden values of test/reference/finetune/pieces.py. */
import { readFileSync } from 'node:fs';
import type { LossSpec } from '../../../../src/learning/finetune';

export interface LossCase {
  readonly name: string;
  readonly loss: {
    readonly name: LossSpec['name'];
    readonly classWeights?: readonly number[] | null;
    readonly temperature?: number;
  };
  readonly smoothing: number;
  readonly task: 'text' | 'token' | 'embedding';
  readonly shape: readonly number[];
  readonly logits: readonly number[];
  readonly targets: readonly (number | readonly number[])[];
  readonly value: number;
  readonly gradient: readonly number[];
}

export interface Golden {
  readonly schedules: readonly {
    readonly lr_scheduler_type: 'linear' | 'cosine' | 'constant';
    readonly warmup_steps: number;
    readonly steps: number;
    readonly rates: readonly number[];
  }[];
  readonly losses: readonly LossCase[];
  readonly adamw: {
    readonly cases: readonly {
      readonly weight_decay: number;
      readonly max_grad_norm: number;
      readonly start: Parameters;
      readonly steps: readonly (Parameters & { readonly rate: number; readonly norm?: number })[];
      readonly end: Parameters;
    }[];
    readonly table: {
      readonly start: readonly number[];
      readonly steps: readonly {
        readonly ids: readonly number[];
        readonly gradient: readonly number[];
      }[];
      readonly end: readonly number[];
    };
  };
  readonly entities: readonly {
    readonly actual: readonly (readonly string[])[];
    readonly predicted: readonly (readonly string[])[];
    readonly report: Readonly<
      Record<
        string,
        {
          readonly precision: number;
          readonly recall: number;
          readonly f1_score: number;
          readonly support: number;
        }
      >
    >;
  }[];
  readonly paired: readonly {
    readonly table: readonly [number, number, number, number];
    readonly p_value: number;
    readonly interval: readonly [number, number];
  }[];
}

interface Parameters {
  readonly weight: readonly number[];
  readonly bias: readonly number[];
}

const url = new URL('../../../reference/finetune/pieces.json', import.meta.url);
export const golden = JSON.parse(readFileSync(url, 'utf8')) as Golden;

/** The largest difference of two lists of numbers, relative to 1 or the larger of both. */
export function furthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    const [x = NaN, y = NaN] = [a[i], b[i]];
    const off = Math.abs(x - y) / Math.max(1, Math.abs(x), Math.abs(y));
    if (!(off <= most)) most = Number.isNaN(off) ? Infinity : off;
  }
  return most;
}
