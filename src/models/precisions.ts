/** The precisions that weights can be kept in, in the words that page, command line and documents share. */
import type { Precision } from './types';

export interface PrecisionWords {
  readonly precision: Precision;
  /** `8-bit integers` */
  readonly name: string;
  /** What it costs and what it gains, one line, without a full stop: `a quarter of the memory, …`. */
  readonly about: string;
}

/** The most exact first. */
export const PRECISIONS: readonly PrecisionWords[] = [
  { precision: 'fp32', name: '32-bit floats', about: 'exact, as large as the model is' },
  {
    precision: 'fp16',
    name: '16-bit floats',
    about: 'half the memory, next to nothing lost',
  },
  {
    precision: 'q8',
    name: '8-bit integers',
    about: 'a quarter of the memory, very little lost',
  },
  {
    precision: 'q4',
    name: '4-bit integers',
    about: 'a sixth of the memory, something lost: compare before you trust it',
  },
];

/** `fp32`, `fp16`, `q8`, `q4`: the choices of an option or a field. */
export const PRECISION_NAMES: readonly Precision[] = PRECISIONS.map(({ precision }) => precision);

/** `8-bit weights`, as one fact of a list. */
export function precisionFact(precision: Precision): string {
  return {
    fp32: '32-bit weights',
    fp16: '16-bit weights',
    q8: '8-bit weights',
    q4: '4-bit weights',
  }[precision];
}

/** Bytes of a weight, scales and what stays in floats counted: right to an eighth for models that people use. */
export function bytesAWeight(precision: Precision): number {
  return { fp32: 4, fp16: 2.02, q8: 1.04, q4: 0.67 }[precision];
}
