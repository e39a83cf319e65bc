/**
 * Arithmetic on values of [any, outputs] that belong to one model (all outputs are its own) or to one model an
 * output. Results and factors are one a model. Sums are 64-bit.
 */

/** Sums of the products of `a` and the beginning of `b` that is as long: [models]. */
export function dots(
  a: Float32Array,
  b: Float32Array,
  outputs: number,
  models: number,
): Float64Array {
  const sums = new Float64Array(models);
  if (models > 1) {
    for (let i = 0; i < a.length; i += outputs)
      for (let m = 0; m < models; m++) sums[m]! += a[i + m]! * b[i + m]!;
    return sums;
  }
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  sums[0] = sum;
  return sums;
}

/** `target = keep · target + factor · other`. */
export function combine(
  target: Float32Array,
  keep: Float64Array,
  other: Float32Array,
  factor: Float64Array,
  outputs: number,
): void {
  const models = factor.length;
  if (models === 1) {
    const [k, f] = [keep[0]!, factor[0]!];
    for (let i = 0; i < target.length; i++) target[i] = k * target[i]! + f * other[i]!;
    return;
  }
  for (let i = 0; i < target.length; i += outputs)
    for (let m = 0; m < models; m++)
      target[i + m] = keep[m]! * target[i + m]! + factor[m]! * other[i + m]!;
}
