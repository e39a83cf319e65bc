/**
 * Conjugate gradients on the logits, and a row foreseen. Where it ends is held to scikit-learn in refit.test.ts; here:
 * the gradient's law at the end, that models side by side are the models alone, starts from afar, and being stopped.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/base';
import {
  descend,
  type Descended,
  type LinearProblem,
} from '../../../../src/learning/heads/conjugate-gradients';
import {
  designMatrix,
  prepareDesign,
  withoutOnes,
  type DesignMatrix,
} from '../../../../src/learning/heads/design';
import type { Activation, Kernels } from '../../../../src/learning/heads/kernels';
import { descendClasses } from '../../../../src/learning/heads/class-block';
import { foresee, settledResiduals } from '../../../../src/learning/heads/foresee';
import { logitOfOthers, softmaxBeside } from '../../../../src/learning/heads/probabilities';
import { covariance, DensePreconditioner } from '../../../../src/learning/heads/preconditioner';
import { RowPreconditioner } from '../../../../src/learning/heads/row-preconditioner';
import { wasmKernels } from '../../../helpers/kernels';
import { relativeError } from '../goldens';

const ROWS = 120;
const COLUMNS = 7;
const PENALTY = 0.01;
const CLOSE = { tol: 1e-4, stepTolerance: 1e-6, max_iter: 200 };

let kernels: Kernels;

beforeAll(async () => {
  kernels = await wasmKernels();
});

function features(rows = ROWS): DesignMatrix {
  const random = seededRandom(3);
  // Columns of unlike sizes, and none around zero.
  const data = Float32Array.from(
    { length: ROWS * COLUMNS },
    (_, at) => (1 + (at % COLUMNS)) * random.normal() + 2,
  ).subarray(0, rows * COLUMNS);
  return designMatrix({ rows, columns: COLUMNS, data });
}

/** One label of `outputs` a row, or each of them for itself. */
function wanted(activation: Activation, outputs: number, rows = ROWS): Uint8Array {
  const random = seededRandom(4);
  const targets = new Uint8Array(ROWS * outputs);
  for (let row = 0; row < ROWS; row++) {
    if (activation === 'softmax') targets[row * outputs + random.integer(outputs)] = 1;
    else
      for (let k = 0; k < outputs; k++)
        targets[row * outputs + k] = random.integer(k + 2) === 0 ? 1 : 0;
  }
  return targets.subarray(0, rows * outputs);
}

async function preconditioned(
  matrix: DesignMatrix,
  curvature: number,
): Promise<DensePreconditioner> {
  const weights = new Float64Array(matrix.rows).fill(1);
  const spread = await covariance(withoutOnes(matrix), weights, kernels);
  return DensePreconditioner.create(spread, COLUMNS, curvature, PENALTY, kernels, () =>
    Promise.resolve(),
  );
}

async function fitted(
  {
    design,
    ...problem
  }: { readonly design: DesignMatrix } & Pick<LinearProblem, 'activation' | 'outputs' | 'targets'>,
  start: Float32Array | null = null,
  settings = CLOSE,
): Promise<Descended> {
  const { rows, columns, values, offset } = design;
  const held = kernels.hold(values, rows, columns);
  let made: DensePreconditioner | null = null;
  try {
    const preconditioner = async (curvature: number): Promise<DensePreconditioner> =>
      (made = await preconditioned(design, curvature));
    return await descend(
      { ...problem, kernels, features: held, offset, penalty: PENALTY, rest: null, preconditioner },
      start === null ? null : { point: start, logits: null },
      settings,
    );
  } finally {
    held.dispose();
    (made as DensePreconditioner | null)?.dispose();
  }
}

/** The gradient of the mean objective, in plain loops and float64. */
function gradient(
  { values, rows, columns }: DesignMatrix,
  point: Float32Array,
  targets: Uint8Array,
  activation: Activation,
): Float64Array {
  const outputs = targets.length / rows;
  const found = Float64Array.from(point, (value, at) =>
    at < COLUMNS * outputs ? PENALTY * value : 0,
  );
  for (let row = 0; row < rows; row++) {
    const x = [...values.subarray(row * columns, (row + 1) * columns)];
    const logits = Array.from({ length: outputs }, (_, k) =>
      x.reduce((sum, value, j) => sum + value * point[j * outputs + k]!, 0),
    );
    const shares = logits.map((logit) => Math.exp(logit));
    const total = shares.reduce((sum, share) => sum + share, 0);
    for (let k = 0; k < outputs; k++) {
      const p = activation === 'softmax' ? shares[k]! / total : shares[k]! / (1 + shares[k]!);
      for (const [j, value] of x.entries())
        found[j * outputs + k]! += (value * (p - targets[row * outputs + k]!)) / rows;
    }
  }
  return found;
}

/** Its largest component. */
function steepness(...problem: Parameters<typeof gradient>): number {
  return gradient(...problem).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

describe('conjugate gradients', () => {
  it.each([
    ['softmax', 5],
    ['sigmoid', 1],
    ['sigmoid', 4],
  ] as const)(
    '%s of %d outputs ends where the gradient is nothing',
    async (activation, outputs) => {
      const design = features();
      const targets = wanted(activation, outputs);
      const zero = new Float32Array((COLUMNS + 1) * outputs);
      const { point, gradientNorm } = await fitted({ design, activation, outputs, targets });
      expect(steepness(design, zero, targets, activation)).toBeGreaterThan(0.1);
      expect(steepness(design, point, targets, activation)).toBeLessThan(1e-5);
      expect(gradientNorm).toBeLessThan(1e-4);
    },
  );

  it.each([
    ['softmax', 5],
    ['sigmoid', 4],
  ] as const)('%s of %d outputs ends there from afar, too', async (activation, outputs) => {
    const design = features();
    const targets = wanted(activation, outputs);
    const { point } = await fitted({ design, activation, outputs, targets });
    const random = seededRandom(5);
    // Logits of some hundreds: nearly every row is wrong, and curved nowhere.
    const far = Float32Array.from(point, () => 20 * random.normal());
    const start = far.slice();
    const again = await fitted({ design, activation, outputs, targets }, far);
    expect(far).toEqual(start);
    expect(steepness(design, again.point, targets, activation)).toBeLessThan(1e-5);
    const weights = COLUMNS * outputs;
    // What all classes have in common the penalty alone brings back, slowly.
    expect(
      relativeError(again.point.subarray(0, weights), point.subarray(0, weights)),
    ).toBeLessThan(2e-3);
  });

  it('labels side by side are fitted as each alone', async () => {
    const design = features();
    const targets = wanted('sigmoid', 4);
    const together = await fitted({ design, activation: 'sigmoid', outputs: 4, targets });
    for (let k = 0; k < 4; k++) {
      const own = targets.filter((_, at) => at % 4 === k);
      const alone = await fitted({ design, activation: 'sigmoid', outputs: 1, targets: own });
      const column = together.point.filter((_, at) => at % 4 === k);
      expect(relativeError(column, alone.point)).toBeLessThan(1e-4);
    }
  });

  it('too few iterations are said, and what they gained is kept', async () => {
    const design = features();
    const targets = wanted('softmax', 5);
    const problem = { design, activation: 'softmax', outputs: 5, targets } as const;
    const { point, iterations, gradientNorm } = await fitted(problem, null, {
      ...CLOSE,
      max_iter: 2,
    });
    expect(iterations).toBe(2);
    expect(gradientNorm).toBeGreaterThan(1e-4);
    const zero = new Float32Array(point.length);
    expect(steepness(design, point, targets, 'softmax')).toBeLessThan(
      steepness(design, zero, targets, 'softmax') / 2,
    );
  });

  it('from the optimum there is nothing to do', async () => {
    const design = features();
    const targets = wanted('softmax', 5);
    const problem = { design, activation: 'softmax', outputs: 5, targets } as const;
    const { point } = await fitted(problem);
    const again = await fitted(problem, point, { ...CLOSE, stepTolerance: 1e-4 });
    expect(again.iterations).toBe(1);
    expect(relativeError(again.point, point)).toBeLessThan(1e-4);
  });
});

it('of fewer rows than columns the preconditioner is the same, made of the rows', async () => {
  const columns = 40;
  const rows = 15;
  const random = seededRandom(6);
  const data = Float32Array.from({ length: rows * columns }, () => random.normal());
  const design = prepareDesign({ rows, columns, data }, false);
  const [curvature, penalty] = [0.2, 0.05];
  const spread = await covariance(design, new Float64Array(rows).fill(1), kernels);
  const pause = (): Promise<void> => Promise.resolve();
  const ofColumns = await DensePreconditioner.create(
    spread,
    columns,
    curvature,
    penalty,
    kernels,
    pause,
  );
  const ofRows = await RowPreconditioner.create(design, curvature, penalty, kernels);
  const vector = Float32Array.from({ length: (columns + 1) * 3 }, () => random.normal());
  const expected = await ofColumns.apply(vector, 3);
  expect(relativeError(await ofRows.apply(vector, 3), expected)).toBeLessThan(1e-5);
  ofColumns.dispose();
  ofRows.dispose();
});

describe('a row that comes in', () => {
  it.each([
    ['softmax', [2, -1, 0.5], [0, 0, 1]],
    ['softmax', [12, -9, 3], [0, 1, 0]],
    ['sigmoid', [2, -1, 0.5], [0, 1, 1]],
    ['sigmoid', [-7, 6, 0], [1, 0, 0]],
  ] as const)('%s: residuals are those of the logits that they move', (activation, given, is) => {
    const logits = Float64Array.from(given);
    for (const leverage of [0.01, 1, 30]) {
      const residuals = settledResiduals(logits, leverage, Uint8Array.from(is), activation);
      const moved = logits.map((logit, k) => Math.exp(logit - leverage * residuals[k]!));
      const total = moved.reduce((sum, value) => sum + value, 0);
      for (const [k, target] of is.entries()) {
        const p = activation === 'softmax' ? moved[k]! / total : moved[k]! / (1 + moved[k]!);
        expect(residuals[k]!).toBeCloseTo(p - target, 7);
      }
    }
  });

  it.each([
    ['softmax', 5],
    ['sigmoid', 4],
  ] as const)(
    '%s of %d outputs: the guess is nearer than where it was',
    async (activation, outputs) => {
      const all = features();
      const before = ROWS - 1;
      // The same centre, so that points can be compared.
      const first: DesignMatrix = {
        ...all,
        rows: before,
        values: all.values.subarray(0, before * all.columns),
      };
      const targets = wanted(activation, outputs);
      const had = await fitted({
        design: first,
        activation,
        outputs,
        targets: wanted(activation, outputs, before),
      });
      const has = await fitted({ design: all, activation, outputs, targets });
      const preconditioner = await preconditioned(all, had.curvature);
      const guess = had.point.slice();
      const row = {
        features: all.values.subarray(before * all.columns),
        targets: targets.subarray(before * outputs),
      };
      await foresee(guess, row, ROWS, activation, preconditioner);
      preconditioner.dispose();
      expect(relativeError(guess, has.point)).toBeLessThan(relativeError(had.point, has.point) / 2);
    },
  );
});

describe('some classes of many', () => {
  const OUTPUTS = 6;
  const BLOCK = [4, 1];

  it('have the probabilities that they have among all', () => {
    const random = seededRandom(8);
    const logits = Float32Array.from({ length: 5 * OUTPUTS }, () => 30 * random.normal());
    const rest = logitOfOthers(logits, OUTPUTS, BLOCK);
    const own = Float32Array.from(
      { length: 5 * BLOCK.length },
      (_, at) => logits[Math.floor(at / BLOCK.length) * OUTPUTS + BLOCK[at % BLOCK.length]!]!,
    );
    const found = softmaxBeside(rest, own, BLOCK.length);
    for (let row = 0; row < 5; row++) {
      const all = [...logits.subarray(row * OUTPUTS, (row + 1) * OUTPUTS)];
      const shares = all.map((logit) =>
        all.reduce((sum, other) => sum + Math.exp(other - logit), 0),
      );
      for (const [at, k] of BLOCK.entries())
        expect(found[row * BLOCK.length + at]).toBeCloseTo(1 / shares[k]!, 6);
    }
    // All of them: there are no others.
    const none = logitOfOthers(logits, OUTPUTS, [0, 1, 2, 3, 4, 5]);
    expect([...none]).toEqual(new Array(5).fill(-Infinity));
    const sums = softmaxBeside(none, logits, OUTPUTS);
    for (let row = 0; row < 5; row++)
      expect(
        sums.subarray(row * OUTPUTS, (row + 1) * OUTPUTS).reduce((sum, p) => sum + p, 0),
      ).toBeCloseTo(1, 6);
  });

  it('end where their gradient is nothing, and the others stay where they are', async () => {
    const design = features();
    const targets = wanted('softmax', OUTPUTS);
    const random = seededRandom(9);
    const weights = COLUMNS * OUTPUTS;
    const start = Float32Array.from({ length: weights + OUTPUTS }, () => 0.1 * random.normal());
    const held = kernels.hold(design.values, design.rows, design.columns);
    const made = await preconditioned(design, 0.1);
    const point = start.slice();
    const logits = await held.times(point, OUTPUTS);
    await descendClasses(
      {
        kernels,
        features: held,
        offset: design.offset,
        activation: 'softmax',
        outputs: OUTPUTS,
        targets,
        rest: null,
        penalty: PENALTY,
        preconditioner: () => Promise.resolve(made),
      },
      BLOCK,
      point,
      logits,
      CLOSE,
    );
    const expected = await held.times(point, OUTPUTS);
    held.dispose();
    made.dispose();
    const slopes = gradient(design, point, targets, 'softmax');
    const before = gradient(design, start, targets, 'softmax');
    const largest = (of: Float64Array, k: number): number =>
      of.reduce(
        (most, slope, at) => (at % OUTPUTS === k ? Math.max(most, Math.abs(slope)) : most),
        0,
      );
    for (const k of BLOCK) {
      expect(largest(before, k)).toBeGreaterThan(0.1);
      expect(largest(slopes, k)).toBeLessThan(2e-4);
    }
    for (const [at, value] of start.subarray(0, weights).entries())
      if (!BLOCK.includes(at % OUTPUTS)) expect(point[at]).toBe(value);
    // Intercepts have no penalty: all may move together.
    const [first, ...others] = [0, 2, 3, 5].map((k) => point[weights + k]! - start[weights + k]!);
    for (const shift of others) expect(shift).toBeCloseTo(first!, 5);
    expect(point.subarray(weights).reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 5);
    expect(relativeError(logits, expected)).toBeLessThan(1e-5);
  });
});
