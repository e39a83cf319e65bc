/**
 * Several labels a row: a logistic regression for each label against the rest, all of them fitted together,
 * since they share their features. With a given C it is scikit-learn's
 * `OneVsRestClassifier(LogisticRegression(C=C))`; with C = 'cv' each label has its own folds and its own C,
 * as `OneVsRestClassifier(LogisticRegressionCV(Cs, cv=folds))`.
 */
import { HeadlightError, ProgressMeter, type Job } from '../../base';
import { fitBatch, type BatchContext, type FitRequest, type FitStep } from './batch';
import { kernelsOf, type HeadContext } from './context';
import { prepareDesign } from './design';
import { choose, FINAL_STEP, FOLD_STEP, headOf, isUndecided, undecidedNote } from './fit';
import { stratifiedFolds } from './folds';
import { columnOf, countTargets } from './multi-label-input';
import { stopping } from './pause';
import { covariance, type DensePreconditioner } from './preconditioner';
import { predictMultiLabel } from './predict-multi-label';
import { Products } from './products';
import { parseLogisticSettings } from './settings';
import { DEFAULT_THRESHOLD, tuneThresholds } from './thresholds';
import type {
  FitReport,
  FittedMultiLabel,
  LabelFit,
  LogisticSettings,
  Matrix,
  MultiLabelHead,
} from './types';
import {
  checkWeighting,
  classMass,
  oneAgainstRest,
  weighRows,
  type CheckedWeighting,
  type SoftRows,
  type Weighting,
} from './weighting';

/** The logit of a label that was the same in every training row: a probability of 0 or 1 to 17 digits. */
export const CONSTANT_LOGIT = 40;
const PHASE = 'Fitting the probe';
/** What the solvers of one group of labels may hold: each keeps 20 corrections of three vectors. */
const GROUP_BYTES = 64e6;
const BYTES_A_COLUMN = 20 * 3 * 8;

export interface MultiLabelContext extends HeadContext {
  /** Rows on which the thresholds are tuned; without them every threshold is 0.5. */
  readonly validation?: { readonly features: Matrix; readonly targets: Uint8Array };
  /** Weights of the rows, soft labels; see `weighRows`. Folds go by the targets. */
  readonly weighting?: Weighting;
}

interface LabelPlan {
  readonly index: number;
  readonly label: string;
  /** 0/1, [rows]. */
  readonly targets: Int32Array;
  readonly weights: Float64Array;
  readonly soft: SoftRows | undefined;
  /** 0 without cross-validation. */
  readonly folds: number;
  C: number;
  start: Float64Array | null;
  crossValidation: FitReport['crossValidation'];
}

/**
 * @param features [rows, columns].
 * @param targets 0/1, [rows, classes] row-major. A label that no row has, or every row, is predicted so
 *   always, as scikit-learn does; the report says it.
 * @throws HeadlightError `bad-labels`, `bad-setting`, `device` for features that are not finite or a fit
 *   that diverges, `aborted`.
 */
export async function* fitOneVsRest(
  features: Matrix,
  targets: Uint8Array,
  classes: readonly string[],
  settings: LogisticSettings,
  context: MultiLabelContext,
  signal?: AbortSignal,
): Job<FittedMultiLabel> {
  const started = performance.now();
  const asked = parseLogisticSettings(settings);
  const { rows } = features;
  const counts = countTargets(targets, rows, classes);
  const given = checkWeighting(context.weighting, rows, classes.length, true);
  const pause = stopping(signal);
  await pause();

  const notes: string[] = [];
  const Cs = asked.C === 'cv' ? [...new Set(asked.Cs)].sort((a, b) => a - b) : [];
  const plans = planLabels(targets, counts, rows, classes, given, asked, notes);
  const total = plans.reduce((sum, { folds }) => sum + folds * Cs.length + 1, 0);
  const meter = new ProgressMeter(PHASE, 'fits', total);
  yield meter.at(0, notes.length === 0 ? undefined : notes.join(' '));
  await pause();

  const design = prepareDesign(features, asked.standardize, given.weights);
  await pause();
  const { columns } = features;
  const coef = new Float64Array(classes.length * columns);
  const intercept = Float64Array.from(counts, (n) => (n === 0 ? -CONSTANT_LOGIT : CONSTANT_LOGIT));
  const fits = classes.map((label, k): LabelFit => constantFit(label, counts[k]! === 0 ? 0 : 1));

  const widest = Math.max(1, ...plans.map(({ folds }) => folds));
  const groupSize = Math.max(
    1,
    Math.floor(GROUP_BYTES / (BYTES_A_COLUMN * (columns + 1) * widest)),
  );
  const preconditioners = new Map<number, DensePreconditioner>();
  const kernels = await kernelsOf(context);
  const products = new Products(
    design,
    widest * Math.min(groupSize, Math.max(1, plans.length)),
    kernels,
  );
  try {
    await pause();
    const batch: BatchContext = {
      design,
      products,
      labels: new Int32Array(rows),
      outputs: 1,
      covariance: await covariance(
        design,
        given.weights ?? new Float64Array(rows).fill(1),
        kernels,
      ),
      preconditioners,
      pause,
    };
    let done = 0;
    const run = async function* (
      requests: readonly FitRequest[],
      stepTolerance: number,
    ): Job<FitStep[][]> {
      const job = fitBatch(requests, { ...asked, stepTolerance }, batch);
      let step = await job.next();
      while (!step.done) {
        yield meter.at(done + step.value);
        step = await job.next();
      }
      done += step.value.reduce((sum, steps) => sum + steps.length, 0);
      return step.value;
    };
    for (let first = 0; first < plans.length; first += groupSize) {
      const group = plans.slice(first, first + groupSize);
      const folded = group.flatMap((plan) => foldRequests(plan, Cs));
      if (folded.length > 0) {
        const paths = yield* run(folded, FOLD_STEP);
        let at = 0;
        for (const plan of group) {
          if (plan.folds === 0) continue;
          Object.assign(plan, choose(paths.slice(at, at + plan.folds), Cs));
          at += plan.folds;
        }
      }
      const finals = yield* run(
        group.map(({ targets: labels, weights, soft, C, start }) => ({
          labels,
          weights,
          soft,
          Cs: [C],
          start,
        })),
        FINAL_STEP,
      );
      for (const [at, plan] of group.entries()) {
        const final = finals[at]?.[0];
        if (final === undefined || !final.point.every(Number.isFinite)) {
          throw new HeadlightError(
            'device',
            `Fitting the label ${plan.label} gave numbers that are not finite.`,
            { hint: 'Choose another device, or standardise the features.' },
          );
        }
        const own = headOf(final.point, design, ['0', '1'], 1);
        coef.set(own.coef, plan.index * columns);
        intercept[plan.index] = own.intercept[0]!;
        fits[plan.index] = {
          label: plan.label,
          C: plan.C,
          crossValidation: plan.crossValidation,
          iterations: final.iterations,
          converged: final.gradientNorm <= asked.tol,
          gradientNorm: final.gradientNorm,
          constant: null,
        };
      }
    }
    const head: MultiLabelHead = {
      type: 'multi_label',
      classes,
      coef,
      intercept,
      features: columns,
      scaler: design.scaler,
      thresholds: new Float64Array(classes.length).fill(DEFAULT_THRESHOLD),
    };
    const slow = fits.filter(({ converged }) => !converged).map(({ label }) => label);
    if (slow.length > 0) {
      notes.push(
        `Stopped before it converged for ${slow.join(', ')}; raise max_iter, lower C, or standardise ` +
          'the features.',
      );
    }
    const undecided = fits.filter(({ crossValidation }) => isUndecided(crossValidation));
    notes.push(...undecidedNote(undecided.map(({ label }) => label)));
    const thresholds = tuned(head, context.validation, notes);
    await pause();
    yield meter.at(total, notes.length === 0 ? undefined : notes.join(' '));
    return {
      head: { ...head, thresholds },
      report: {
        labels: fits,
        converged: slow.length === 0,
        notes,
        backend: kernels.name,
        seconds: (performance.now() - started) / 1000,
      },
    };
  } finally {
    products.dispose();
    for (const preconditioner of preconditioners.values()) preconditioner.dispose();
  }
}

/** The labels that have something to learn, each with its folds; the others are told in the notes. */
function planLabels(
  targets: Uint8Array,
  counts: Int32Array,
  rows: number,
  classes: readonly string[],
  given: CheckedWeighting,
  { C, folds, class_weight }: LogisticSettings,
  notes: string[],
): LabelPlan[] {
  const plans: LabelPlan[] = [];
  for (const [index, label] of classes.entries()) {
    const positive = counts[index]!;
    const smallest = Math.min(positive, rows - positive);
    const own = columnOf(targets, rows, classes.length, index);
    const two = oneAgainstRest(given, classes.length, index);
    const [without = 0, having = 0] = classMass(own, 2, two);
    if (without === 0 || having === 0) {
      notes.push(
        having === 0
          ? `No training row has the label ${label}: it is never predicted.`
          : `Every training row has the label ${label}: it is always predicted.`,
      );
      continue;
    }
    const which = positive === smallest ? 'with' : 'without';
    if (C === 'cv' && smallest < 2) {
      notes.push(
        `The label ${label} has ${smallest === 0 ? 'no' : 'a single'} training row ${which} it, so C cannot be cross-validated: ` +
          'C = 1 is used.',
      );
    } else if (C === 'cv' && smallest < folds) {
      notes.push(
        `The label ${label} has ${smallest} training rows ${which} it: ${smallest} folds instead of ${folds}.`,
      );
    }
    plans.push({
      index,
      label,
      targets: own,
      ...weighRows(own, 2, two, class_weight),
      folds: C !== 'cv' || smallest < 2 ? 0 : Math.min(folds, smallest),
      C: C === 'cv' ? 1 : C,
      start: null,
      crossValidation: null,
    });
  }
  return plans;
}

function foldRequests(
  { targets, weights, soft, folds }: LabelPlan,
  Cs: readonly number[],
): FitRequest[] {
  if (folds === 0) return [];
  const heldOut = stratifiedFolds(targets, 2, folds);
  return Array.from({ length: folds }, (_, fold) => ({
    labels: targets,
    weights: weights.map((weight, row) => (heldOut[row] === fold ? 0 : weight)),
    soft,
    Cs,
    start: null,
  }));
}

function constantFit(label: string, constant: 0 | 1): LabelFit {
  return {
    label,
    C: 1,
    crossValidation: null,
    iterations: 0,
    converged: true,
    gradientNorm: 0,
    constant,
  };
}

function tuned(
  head: MultiLabelHead,
  validation: MultiLabelContext['validation'],
  notes: string[],
): Float64Array {
  if (validation === undefined) return head.thresholds;
  const probabilities = predictMultiLabel(head, validation.features);
  const result = tuneThresholds(probabilities, validation.targets, head.classes);
  notes.push(...result.notes);
  return result.thresholds;
}
