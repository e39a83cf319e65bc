/** A model's weights by name, whatever file they came in. */

/** Bits of one element, in the order of safetensors' reference implementation. */
export const DTYPE_BITS = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

export type Dtype = keyof typeof DTYPE_BITS;

export interface CheckpointTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /**
   * Little-endian, row-major; a view into the file, at any alignment. A tensor that its file keeps in another
   * order is put in order each time that it is asked for, so that it does not stand in memory for good.
   */
  readonly data: Uint8Array;
}

export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** More tensors than any model that runs here has. */
export const MOST_TENSORS = 100_000;

/** Bytes of a tensor, row-major without gaps; null beyond what a number holds exactly. */
export function byteLengthOf(dtype: Dtype, shape: readonly number[]): number | null {
  const bytes = shape.reduce((product, dim) => product * dim, DTYPE_BITS[dtype] / 8);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

const LONGEST_SHOWN = 120;

/** A name out of a file, fit for an error message: printable, and not endless. */
export function shown(name: string): string {
  const printable = name.slice(0, LONGEST_SHOWN + 1).replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '?');
  return printable.length > LONGEST_SHOWN ? `${printable.slice(0, LONGEST_SHOWN)}…` : printable;
}

/** `[2, 3]`, cut where a file claims hundreds of dimensions. */
export function shownShape(shape: readonly number[]): string {
  return `[${shape.slice(0, 8).join(', ')}${shape.length > 8 ? ', …' : ''}]`;
}
