/**
 * Logistic regression as scikit-learn fits it: minimises `0.5 ||w||² + C Σ sᵢ lossᵢ`, intercepts not
 * penalised, softmax for several classes, one row of coefficients for two. (`LogisticRegression`,
 * `LogisticRegressionCV`, scikit-learn 1.9, solver lbfgs.)
 *
 * It stops no earlier than scikit-learn (largest gradient component of the mean objective <= `tol`) and,
 * beyond that, only when the next step would hardly move the coefficients: so the same rows give the same
 * head on every device, and the one that scikit-learn gives at a tight `tol`.
 */
import { HeadlightError, ProgressMeter, type Job } from '../../base';
import { fitBatch, type BatchContext, type FitRequest, type FitStep } from './batch';
import { kernelsOf, type HeadContext } from './context';
import { prepareDesign, type Design } from './design';
import { stratifiedFolds } from './folds';
import { stopping } from './pause';
import { covariance, type DensePreconditioner } from './preconditioner';
import { Products } from './products';
import { parseLogisticSettings } from './settings';
import type { FitReport, FittedHead, LinearHead, LogisticSettings, Matrix } from './types';
import { checkWeighting, classMass, weighRows, type Weighting } from './weighting';

/** Relative step at which the final fit, and a fold's fit, are near enough to their optimum. */
export const FINAL_STEP = 5e-5;
export const FOLD_STEP = 1e-4;
const PHASE = 'Fitting the probe';

/**
 * @param features [rows, columns].
 * @param labels index into `classes` for each row.
 * @param context.weighting weights of the rows, soft labels. Folds go by `labels`; see `weighRows`.
 * @throws HeadlightError `bad-labels` for fewer than two classes or a class without rows, `bad-setting`,
 *   `device` for features that are not finite or a fit that diverges, `aborted`.
 */
export async function* fitLogistic(
  features: Matrix,
  labels: Int32Array,
  classes: readonly string[],
  settings: LogisticSettings,
  context: HeadContext & { readonly weighting?: Weighting },
  signal?: AbortSignal,
): Job<FittedHead> {
  const started = performance.now();
  const asked = parseLogisticSettings(settings);
  const given = checkWeighting(context.weighting, features.rows, classes.length, false);
  const counts = checkLabels(features, labels, classes, (known) =>
    classMass(known, classes.length, given),
  );
  const pause = stopping(signal);
  await pause();

  const plan = planFolds(asked, counts, classes);
  const meter = new ProgressMeter(PHASE, 'fits', plan.folds * plan.Cs.length + 1);
  yield meter.at(0, plan.note);
  await pause();

  const design = prepareDesign(features, asked.standardize, given.weights);
  await pause();
  const outputs = classes.length === 2 ? 1 : classes.length;
  const { weights, soft } = weighRows(labels, classes.length, given, asked.class_weight);
  const kernels = await kernelsOf(context);
  const products = new Products(design, Math.max(1, plan.folds) * outputs, kernels);
  const preconditioners = new Map<number, DensePreconditioner>();
  try {
    await pause();
    const batch: BatchContext = {
      design,
      products,
      labels,
      outputs,
      covariance: await covariance(design, weights, kernels),
      preconditioners,
      pause,
    };
    let C = plan.C;
    let crossValidation: FitReport['crossValidation'] = null;
    let start: Float64Array | null = null;
    let fits = 0;
    if (plan.folds > 0) {
      const folds = stratifiedFolds(labels, classes.length, plan.folds);
      const requests = Array.from({ length: plan.folds }, (_, fold): FitRequest => ({
        weights: weights.map((weight, row) => (folds[row] === fold ? 0 : weight)),
        soft,
        Cs: plan.Cs,
        start: null,
      }));
      const job = fitBatch(requests, { ...asked, stepTolerance: FOLD_STEP }, batch);
      let step = await job.next();
      while (!step.done) {
        fits = step.value;
        yield meter.at(fits);
        step = await job.next();
      }
      const chosen = choose(step.value, plan.Cs);
      ({ C, crossValidation, start } = chosen);
      yield meter.at(fits, `C = ${C} is best in ${plan.folds}-fold cross-validation.`);
    }
    const job = fitBatch(
      [{ weights, soft, Cs: [C], start }],
      { ...asked, stepTolerance: FINAL_STEP },
      batch,
    );
    let step = await job.next();
    while (!step.done) {
      yield meter.at(fits);
      step = await job.next();
    }
    const final = step.value[0]?.[0];
    if (final === undefined || !final.point.every(Number.isFinite)) {
      throw new HeadlightError('device', 'Fitting the probe gave numbers that are not finite.', {
        hint: 'Choose another device, or standardise the features.',
      });
    }
    const converged = final.gradientNorm <= asked.tol;
    yield meter.at(
      fits + 1,
      converged
        ? undefined
        : `The probe stopped after ${final.iterations} iterations before it converged; ` +
            'raise max_iter, lower C, or standardise the features.',
    );
    return {
      head: headOf(final.point, design, classes, outputs),
      report: {
        C,
        crossValidation,
        iterations: final.iterations,
        converged,
        gradientNorm: final.gradientNorm,
        backend: kernels.name,
        seconds: (performance.now() - started) / 1000,
      },
    };
  } finally {
    products.dispose();
    for (const preconditioner of preconditioners.values()) preconditioner.dispose();
  }
}

/**
 * @param massOf how much there is of each class; default: its rows.
 * @returns rows of each class; none of one that soft labels alone have.
 * @throws HeadlightError `bad-labels` for fewer than two classes, a class of which there is nothing, an unknown label.
 */
export function checkLabels(
  features: { readonly rows: number },
  labels: Int32Array,
  classes: readonly string[],
  massOf?: (labels: Int32Array) => ArrayLike<number>,
): Int32Array {
  if (classes.length < 2) {
    throw new HeadlightError(
      'bad-labels',
      `The training part has ${classes.length === 1 ? `only one class, ${classes[0]}` : 'no classes'}.`,
      { hint: 'A classifier needs rows of at least two classes.' },
    );
  }
  if (labels.length !== features.rows) {
    throw new HeadlightError(
      'internal',
      `${labels.length} labels for ${features.rows} rows of features.`,
    );
  }
  const counts = new Int32Array(classes.length);
  for (const [row, label] of labels.entries()) {
    if (!(label >= 0 && label < classes.length)) {
      throw new HeadlightError('bad-labels', `Row ${row + 1} has a label outside the classes.`, {
        hint: 'Choose the label column again.',
      });
    }
    counts[label]! += 1;
  }
  const empty = Array.from(massOf?.(labels) ?? counts).indexOf(0);
  if (empty !== -1) {
    throw new HeadlightError(
      'bad-labels',
      `The class ${classes[empty]} has no rows in the training part.`,
      { hint: 'Add rows of it to the training file, or remove its rows from the test file.' },
    );
  }
  return counts;
}

interface Plan {
  readonly folds: number;
  /** Ascending; empty without cross-validation. */
  readonly Cs: readonly number[];
  readonly C: number;
  readonly note: string | undefined;
}

function planFolds(
  { C, Cs, folds }: LogisticSettings,
  counts: Int32Array,
  classes: readonly string[],
): Plan {
  if (C !== 'cv') return { folds: 0, Cs: [], C, note: undefined };
  const smallest = Math.min(...counts.filter((count) => count > 0));
  const label = classes[counts.indexOf(smallest)];
  const ascending = [...new Set(Cs)].sort((a, b) => a - b);
  if (smallest === 1) {
    const note = `The class ${label} has a single training row, so C cannot be cross-validated: C = 1 is used.`;
    return { folds: 0, Cs: [], C: 1, note };
  }
  const note =
    smallest < folds
      ? `The class ${label} has ${smallest} training rows: ${smallest} folds instead of ${folds}.`
      : undefined;
  return { folds: Math.min(folds, smallest), Cs: ascending, C: 1, note };
}

/** `compute_class_weight`: rows / (classes · rows of the class), over the whole training part. */
export function rowWeights(
  labels: Int32Array,
  counts: Int32Array,
  classWeight: LogisticSettings['class_weight'],
): Float64Array {
  return weighRows(labels, counts.length, { weights: null, soft: null }, classWeight).weights;
}

/** The C of the best mean accuracy, the smallest among equals, and the mean of the folds' fits there. */
export function choose(
  fits: readonly (readonly FitStep[])[],
  Cs: readonly number[],
): {
  C: number;
  crossValidation: NonNullable<FitReport['crossValidation']>;
  start: Float64Array;
} {
  const crossValidation = Cs.map((C, index) => {
    const scores = fits.map((path) => path[index]?.heldOutAccuracy ?? NaN);
    return { C, scores, mean: scores.reduce((sum, score) => sum + score, 0) / scores.length };
  });
  let best = 0;
  for (const [index, { mean }] of crossValidation.entries())
    if (mean > crossValidation[best]!.mean) best = index;
  const points = fits.map((path) => path[best]!.point);
  const start = new Float64Array(points[0]!.length);
  for (const point of points)
    for (let i = 0; i < start.length; i++) start[i]! += point[i]! / points.length;
  return { C: Cs[best]!, crossValidation, start };
}

/** Told of labels for which accuracy was the same at every C: they are too rare for it to move. */
export function undecidedNote(labels: readonly string[]): string[] {
  if (labels.length === 0) return [];
  return [
    `Cross-validation by accuracy could not tell the values of C apart for ${labels.join(', ')}, ` +
      'so the smallest is used; give C to choose it.',
  ];
}

/** Whether every C of a grid was as good as any other. */
export function isUndecided(crossValidation: FitReport['crossValidation']): boolean {
  if (crossValidation === null || crossValidation.length < 2) return false;
  return crossValidation.every(({ mean }) => mean === crossValidation[0]!.mean);
}

/** From a point for the centred features to scikit-learn's coefficients. */
export function headOf(
  point: Float64Array,
  { columns, offset, scaler }: Design,
  classes: readonly string[],
  outputs: number,
): LinearHead {
  const coef = new Float64Array(outputs * columns);
  const intercept = new Float64Array(outputs);
  for (let k = 0; k < outputs; k++) {
    let shift = 0;
    for (let j = 0; j < columns; j++) {
      const value = point[j * outputs + k]!;
      coef[k * columns + j] = value;
      shift += value * offset[j]!;
    }
    intercept[k] = point[columns * outputs + k]! - shift;
  }
  return { classes, coef, intercept, features: columns, scaler };
}
