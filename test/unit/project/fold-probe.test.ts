/**
 * A probe folded into a stock head gives the probe's logits, for whatever the encoder's LayerNorm lets out:
 * both are computed here by their definitions, the head's in float32 as a runtime computes it.
 */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base';
import { foldProbe, type LayerNorm, type LinearProbe, type StockHead } from '../../../src/project';

const round = Math.fround;

function float32Dot(a: Float32Array, b: Float32Array, start: number): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum = round(sum + round(a[i]! * b[i]!));
  return round(sum + start);
}

type Activation = 'tanh' | 'relu' | 'gelu';

/** The share of the normal distribution below z: its series, and far out its asymptote. */
function share(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  let term = x;
  let sum = x;
  for (let n = 1; n < 120 && x < 4; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  const erf =
    x < 4 ? (2 / Math.sqrt(Math.PI)) * sum : 1 - Math.exp(-x * x) / (x * Math.sqrt(Math.PI));
  return z < 0 ? (1 - erf) / 2 : (1 + erf) / 2;
}

const ACTIVATIONS: Readonly<Record<Activation, (u: number) => number>> = {
  tanh: Math.tanh,
  relu: (u) => Math.max(u, 0),
  gelu: (u) => round(u * share(u)),
};

function headLogits(head: StockHead, x: Float32Array, activation: Activation): number[] {
  const d = x.length;
  const units = Float32Array.from({ length: d }, (_, i) => {
    const u = float32Dot(head.denseWeight.subarray(i * d, (i + 1) * d), x, head.denseBias[i]!);
    return ACTIVATIONS[activation](u);
  });
  return Array.from(head.bias, (bias, c) =>
    float32Dot(head.weight.subarray(c * d, (c + 1) * d), units, bias),
  );
}

function probeLogits({ weight, bias }: LinearProbe, x: Float32Array): number[] {
  return Array.from(bias, (start, c) =>
    x.reduce((sum, value, i) => sum + value * weight[c * x.length + i]!, start),
  );
}

interface Case {
  readonly probe: LinearProbe;
  readonly norm: LayerNorm;
  /** Outputs of the LayerNorm: of random inputs, of spikes, and of the input each class likes best. */
  readonly inputs: readonly Float32Array[];
}

function makeCase(seed: number, hidden: number, classes: number, binary: boolean): Case {
  const random = seededRandom(seed);
  const normal = (scale: number): number => random.normal() * scale;
  const size = 10 ** (random.next() * 3 - 1.5);
  let weight = Float32Array.from({ length: classes * hidden }, () => normal(size));
  if (binary) {
    const row = weight.slice(0, hidden);
    weight = Float32Array.from([...row.map((value) => -value), ...row]);
  }
  const probe = { classes, weight, bias: Float32Array.from({ length: classes }, () => normal(3)) };
  const norm = {
    gamma: Float32Array.from({ length: hidden }, () => 1 + normal(0.5)),
    beta: Float32Array.from({ length: hidden }, () => normal(0.5)),
  };
  const through = (values: number[]): Float32Array => {
    const mean = values.reduce((a, b) => a + b) / hidden;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / hidden;
    return Float32Array.from(
      values,
      (value, i) => ((value - mean) / Math.sqrt(variance)) * norm.gamma[i]! + norm.beta[i]!,
    );
  };
  const inputs = [
    ...Array.from({ length: 8 }, () => through(Array.from({ length: hidden }, () => normal(1)))),
    ...Array.from({ length: 4 }, () => {
      const at = random.integer(hidden);
      const sign = random.next() < 0.5 ? -1 : 1;
      return through(
        Array.from({ length: hidden }, (_, i) => (i === at ? sign * 100 : normal(0.01))),
      );
    }),
    ...[1, -1].map((sign) => {
      const c = random.integer(classes);
      return through(Array.from(norm.gamma, (g, i) => sign * g * weight[c * hidden + i]!));
    }),
  ];
  return { probe, norm, inputs };
}

/** Largest difference of a logit, as a share of the case's largest logit (at least 10). */
function largestDifference(made: Case, activation: Activation): number {
  const head = foldProbe(made.probe, made.norm, activation);
  const all = made.inputs.map((x) => ({
    expected: probeLogits(made.probe, x),
    found: headLogits(head, x, activation),
  }));
  const scale = Math.max(10, ...all.flatMap(({ expected }) => expected.map(Math.abs)));
  return Math.max(
    ...all.flatMap(({ expected, found }) =>
      found.map((z, c) => Math.abs(z - expected[c]!) / scale),
    ),
  );
}

const SHAPES = [
  ['three units a direction', 48, 5, false],
  ['two classes', 48, 2, true],
  ['two units a direction', 48, 20, false],
  ['one unit a direction', 48, 40, false],
  ['more classes than units', 32, 50, false],
  ['one class, as few as there can be', 32, 1, false],
  ['the shape of MiniLM, six classes', 384, 6, false],
] as const;

describe.each(['tanh', 'relu', 'gelu'] as const)('%s', (activation) => {
  it.each(SHAPES)(
    '%s: the logits to two millionths of the largest',
    (_, hidden, classes, binary) => {
      const worst = Math.max(
        ...Array.from({ length: 12 }, (_, seed) =>
          largestDifference(makeCase(seed + 1, hidden, classes, binary), activation),
        ),
      );
      expect(worst).toBeLessThan(2e-6);
      expect(worst).toBeGreaterThan(0);
    },
  );
});
