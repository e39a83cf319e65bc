/**
 * Arithmetic on values of [any, outputs] that belong to one model (all outputs are its own) or to one model an
 * output. Results and factors are one a model.
 */

/** `dot` of each model: [models]. */
export function dots(
  a: Float64Array,
  b: Float64Array,
  outputs: number,
  models: number,
): Float64Array {
  const sums = new Float64Array(models);
  if (models > 1) {
    for (let i = 0; i < a.length; i += outputs)
      for (let m = 0; m < models; m++) sums[m]! += a[i + m]! * b[i + m]!;
    return sums;
  }
  sums[0] = dot(a, b);
  return sums;
}

/** Sum of the products of `a` and the beginning of `b` that is as long. */
export function dot(a: Float64Array, b: Float64Array): number {
  // Four sums, so that the additions need not wait for each other.
  let [first, second, third, fourth] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < a.length; i += 4) {
    first += a[i]! * b[i]!;
    second += a[i + 1]! * b[i + 1]!;
    third += a[i + 2]! * b[i + 2]!;
    fourth += a[i + 3]! * b[i + 3]!;
  }
  for (; i < a.length; i++) first += a[i]! * b[i]!;
  return first + second + (third + fourth);
}

/** `target = keep · target + factor · other`. */
export function combine(
  target: Float64Array,
  keep: Float64Array,
  other: Float64Array,
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
