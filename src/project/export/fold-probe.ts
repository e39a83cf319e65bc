/**
 * A linear probe on the [CLS] token of one layer, as the stock head of the architecture: a linear layer, a
 * nonlinearity (BERT, RoBERTa, MPNet, ALBERT: tanh; DistilBERT: ReLU; ELECTRA, DeBERTa: GELU), then the classifier.
 * The nonlinearity in the middle is undone:
 *
 * - ReLU: each direction of the probe takes two units, z = ReLU(z) - ReLU(-z), exactly. Where there are
 *   not enough units, one unit a direction, shifted by a bound: z = ReLU(z + c) - c.
 * - GELU: as ReLU, for z = GELU(z) - GELU(-z) exactly: GELU(z) is z times the share of the normal distribution
 *   below z, and the shares below z and below -z sum to 1. One unit a direction is shifted further, to where GELU
 *   is linear to 1e-9.
 * - tanh: scaled into its linear range and out again. One unit a direction would have to be scaled so far
 *   down that half precision loses it; three units at scales s, s/2, s/4, mixed so that the cubic and the
 *   fifth-order terms cancel, stay linear to 2e-7 up to 1/4.
 *
 * Bounds hold for every text: the last step of a layer is a LayerNorm, whose output is gamma * n + beta with
 * |n|^2 <= d, so |w·(x - beta)| <= |w * gamma| * sqrt(d). All scales are powers of two: they cost no rounding.
 */
import { HeadlightError } from '../../base';

export interface LinearProbe {
  readonly classes: number;
  /** [classes, hidden], row-major. */
  readonly weight: Float32Array;
  /** [classes]. */
  readonly bias: Float32Array;
}

/** Weight and bias of the LayerNorm that ends the layer; [hidden] each. */
export interface LayerNorm {
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
}

export interface StockHead {
  /** The pooler's or pre_classifier's: [hidden, hidden], [hidden]. */
  readonly denseWeight: Float32Array;
  readonly denseBias: Float32Array;
  /** The classifier's: [classes, hidden], [classes]. */
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** From here on GELU(z) is z to a relative 1e-9, in its approximation by tanh too. */
const GELU_LINEAR = 6;

/** Where tanh is used: up to here three units are linear to 2e-7, one unit to 1e-7. */
const TANH_RANGE = { 3: 2 ** -2, 2: 2 ** -5, 1: 2 ** -11 } as const;

/**
 * @param norm of the layer that the probe reads.
 * @returns a head with the probe's logits: for `tanh` to a relative 2e-7 of the largest logit there can be,
 *   for `relu` and `gelu` to float32's rounding.
 * @throws HeadlightError `bad-model` when the shapes do not fit.
 */
export function foldProbe(
  probe: LinearProbe,
  norm: LayerNorm,
  activation: 'tanh' | 'relu' | 'gelu',
): StockHead {
  const hidden = norm.gamma.length;
  if (norm.beta.length !== hidden || probe.weight.length !== probe.classes * hidden) {
    throw new HeadlightError(
      'bad-model',
      `A probe of ${probe.weight.length} weights does not fit ${probe.classes} classes and ${hidden} dimensions.`,
    );
  }
  const directions = chooseDirections(probe, hidden);
  const head: StockHead = {
    denseWeight: new Float32Array(hidden * hidden),
    denseBias: new Float32Array(hidden),
    weight: new Float32Array(probe.classes * hidden),
    bias: Float32Array.from(probe.bias),
  };
  if (activation === 'tanh') foldTanh(directions, norm, head);
  else foldPairs(directions, norm, head, activation === 'gelu' ? GELU_LINEAR : 0);
  return head;
}

/** What the units compute, and how the classes are made of it: weight = mix · rows. */
interface Directions {
  readonly count: number;
  /** The values of direction r, [hidden]. */
  row(r: number): Float32Array;
  /** How much of direction r goes into class c. */
  mix(c: number, r: number): number;
  readonly classes: number;
}

function chooseDirections({ classes, weight }: LinearProbe, hidden: number): Directions {
  const rowOf = (r: number): Float32Array => weight.subarray(r * hidden, (r + 1) * hidden);
  // Two classes: [-z/2, z/2].
  if (classes === 2 && rowOf(0).every((value, i) => value === -(rowOf(1)[i] ?? NaN))) {
    return { count: 1, row: () => rowOf(1), mix: (c) => (c === 0 ? -1 : 1), classes };
  }
  if (classes <= hidden) {
    return { count: classes, row: rowOf, mix: (c, r) => (c === r ? 1 : 0), classes };
  }
  // More classes than units: the units hold x itself.
  return {
    count: hidden,
    row: (r) => Float32Array.from({ length: hidden }, (_, i) => (i === r ? 1 : 0)),
    mix: (c, r) => weight[c * hidden + r] ?? 0,
    classes,
  };
}

/** The largest |w·(x - beta)| of any output of the LayerNorm. */
function bound(row: Float32Array, { gamma }: LayerNorm): number {
  let squares = 0;
  row.forEach((value, i) => (squares += (value * (gamma[i] ?? 0)) ** 2));
  return Math.sqrt(squares * row.length);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  a.forEach((value, i) => (sum += value * (b[i] ?? 0)));
  return sum;
}

/** tanh(s·z) of z = w·(x - beta), `units` of them a direction. */
function foldTanh(directions: Directions, norm: LayerNorm, head: StockHead): void {
  const hidden = norm.gamma.length;
  const units = directions.count * 3 <= hidden ? 3 : directions.count * 2 <= hidden ? 2 : 1;
  // The combination of tanh at scales 1, 1/2, 1/4 that is linear up to the next odd power: Lagrange's
  // polynomial through their squares, at 0.
  const scales = Array.from({ length: units }, (_, i) => 2 ** -i);
  const factors = scales.map((scale, i) =>
    scales.reduce(
      (product, other, j) =>
        i === j ? product : (product * other ** 2) / (other ** 2 - scale ** 2),
      1 / scale,
    ),
  );
  const shifts = new Float64Array(directions.classes);
  for (let r = 0; r < directions.count; r++) {
    const row = directions.row(r);
    const largest = bound(row, norm);
    if (largest === 0) continue;
    const top = 2 ** Math.floor(Math.log2(TANH_RANGE[units] / largest));
    const centre = dot(row, norm.beta);
    for (let c = 0; c < directions.classes; c++)
      shifts[c] = (shifts[c] ?? 0) + directions.mix(c, r) * centre;
    scales.forEach((scale, i) => {
      const unit = r * units + i;
      const into = top * scale;
      row.forEach((value, j) => (head.denseWeight[unit * hidden + j] = value * into));
      head.denseBias[unit] = -centre * into;
      const out = (factors[i] ?? 0) / top;
      for (let c = 0; c < directions.classes; c++)
        head.weight[c * hidden + unit] = directions.mix(c, r) * out;
    });
  }
  shifts.forEach((shift, c) => (head.bias[c] = (head.bias[c] ?? 0) + shift));
}

/** @param beyond where the nonlinearity is linear. */
function foldPairs(directions: Directions, norm: LayerNorm, head: StockHead, beyond: number): void {
  const hidden = norm.gamma.length;
  const pairs = directions.count * 2 <= hidden;
  const shifts = new Float64Array(directions.classes);
  for (let r = 0; r < directions.count; r++) {
    const row = directions.row(r);
    if (pairs) {
      for (const [i, sign] of [1, -1].entries()) {
        const unit = 2 * r + i;
        row.forEach((value, j) => (head.denseWeight[unit * hidden + j] = sign * value));
        for (let c = 0; c < directions.classes; c++)
          head.weight[c * hidden + unit] = sign * directions.mix(c, r);
      }
      continue;
    }
    head.denseWeight.set(row, r * hidden);
    // z = w·x lies within w·beta ± bound; a little more, for float32's rounding in the LayerNorm.
    const shift = Math.fround(bound(row, norm) * 1.001 + beyond - dot(row, norm.beta));
    head.denseBias[r] = shift;
    for (let c = 0; c < directions.classes; c++) {
      const mix = directions.mix(c, r);
      head.weight[c * hidden + r] = mix;
      shifts[c] = (shifts[c] ?? 0) - mix * shift;
    }
  }
  shifts.forEach((shift, c) => (head.bias[c] = (head.bias[c] ?? 0) + shift));
}
