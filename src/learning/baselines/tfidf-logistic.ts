/**
 * Weighted words and a logistic regression: the baseline that every encoder must beat. What scikit-learn's
 * `make_pipeline(TfidfVectorizer(), LogisticRegression())` gives; several labels a row as
 * `OneVsRestClassifier`. With C = 'cv' the words are those of the whole training part, and C is chosen on
 * them as `LogisticRegressionCV` does.
 */
import { HeadlightError, ProgressMeter, type Job } from '../../base';
import {
  checkLabels,
  columnOf,
  CONSTANT_LOGIT,
  countTargets,
  isUndecided,
  rowWeights,
  stopping,
  stratifiedFolds,
  undecidedNote,
  type FitReport,
  type Targets,
} from '../heads';
import { parseTfidfSettings } from './settings';
import { fitSparse, type SparseProblem, type SparseStep } from './sparse-logistic';
import { learnVocabulary, toSparseRows, type SparseRows } from './tfidf';
import type { FittedTfidf, TfidfReport, TfidfSettings } from './types';

/**
 * The final fit goes on to a gradient this small. Rare words hardly bend the objective, so that at 1e-6 some
 * probabilities are still 1e-4 away from the optimum; sparse rows make the last steps cheap.
 */
const FINAL_TOL = 1e-8;
const FINAL_STEP = 2e-5;
const FOLD_STEP = 1e-4;

/** One set of outputs that are fitted together: all classes, or one label. */
interface Part {
  readonly name: string;
  readonly labels: Int32Array;
  /** Rows of each class in it. */
  readonly counts: Int32Array;
  readonly outputs: number;
  readonly folds: number;
}

/**
 * @param texts of the training part; read twice.
 * @throws HeadlightError `bad-labels`, `bad-setting`, `bad-table` for texts without words, `aborted`.
 */
export async function* tfidfLogistic(
  texts: Iterable<string>,
  targets: Targets,
  classes: readonly string[],
  settings: TfidfSettings,
  signal?: AbortSignal,
): Job<FittedTfidf> {
  const started = performance.now();
  const asked = parseTfidfSettings(settings);
  const multiLabel = targets.kind === 'multi_label';
  const rows = multiLabel
    ? targets.targets.length / Math.max(1, classes.length)
    : targets.labels.length;
  const pause = stopping(signal);
  await pause();
  const notes: string[] = [];
  const parts = partsOf(targets, rows, classes, asked, notes);

  const words = new ProgressMeter('Reading words', 'texts', 2 * rows);
  yield words.at(0);
  const learning = learnVocabulary(texts, asked, pause);
  let learnt = await learning.next();
  while (!learnt.done) {
    yield words.at(learnt.value);
    learnt = await learning.next();
  }
  const vocabulary = learnt.value;
  const reading = toSparseRows(texts, vocabulary, pause);
  let read = await reading.next();
  while (!read.done) {
    yield words.at(rows + read.value);
    read = await reading.next();
  }
  const x = read.value;
  if (x.rows !== rows)
    throw new HeadlightError('internal', `${x.rows} texts for ${rows} rows of labels.`);
  yield words.at(2 * rows, `${x.columns} different words.`);

  const Cs = asked.C === 'cv' ? [...new Set(asked.Cs)].sort((a, b) => a - b) : [];
  const total = parts.reduce(
    (sum, part) => sum + (part === null ? 0 : part.folds * Cs.length + 1),
    0,
  );
  const meter = new ProgressMeter('Fitting the words baseline', 'fits', total);
  yield meter.at(0, notes.length === 0 ? undefined : notes.join(' '));
  const width = multiLabel ? classes.length : (parts[0]?.outputs ?? 1);
  const coef = new Float64Array(x.columns * width);
  const intercept = new Float64Array(width);
  const fits: TfidfReport['fits'][number][] = [];
  let done = 0;
  for (const [index, part] of parts.entries()) {
    if (part === null) {
      intercept[index] =
        targets.kind === 'multi_label' && targets.targets[index] === 1
          ? CONSTANT_LOGIT
          : -CONSTANT_LOGIT;
      fits.push(null);
      continue;
    }
    const job = fitPart(part, x, Cs, asked, pause);
    let step = await job.next();
    while (!step.done) {
      done += 1;
      yield meter.at(done);
      step = await job.next();
    }
    const { point, fit } = step.value;
    if (!fit.converged) {
      notes.push(
        `The words baseline stopped after ${fit.iterations} iterations before it converged` +
          `${multiLabel ? ` for ${part.name}` : ''}; raise max_iter or lower C.`,
      );
    }
    fits.push(fit);
    for (let j = 0; j <= x.columns; j++)
      for (let k = 0; k < part.outputs; k++) {
        const value = point[j * part.outputs + k]!;
        if (j === x.columns) intercept[index + k] = value;
        else coef[j * width + index + k] = value;
      }
  }
  const undecided = classes.filter((_, k) => isUndecided(fits[k]?.crossValidation ?? null));
  if (multiLabel) notes.push(...undecidedNote(undecided));
  yield meter.at(total, notes.length === 0 ? undefined : notes.join(' '));
  return {
    model: { vocabulary, classes, multiLabel, coef, intercept },
    report: {
      fits,
      terms: x.columns,
      notes,
      seconds: (performance.now() - started) / 1000,
    },
  };
}

/** @yields once a fit. */
async function* fitPart(
  part: Part,
  x: SparseRows,
  Cs: readonly number[],
  { C: asked, class_weight, tol, max_iter }: TfidfSettings,
  pause: () => Promise<void>,
): AsyncGenerator<
  void,
  { point: Float64Array; fit: NonNullable<TfidfReport['fits'][number]> },
  void
> {
  const { labels, counts, outputs, folds } = part;
  const weights = rowWeights(labels, counts, class_weight);
  let C = asked === 'cv' ? 1 : asked;
  let crossValidation: FitReport['crossValidation'] = null;
  let start: Float64Array | null = null;
  if (folds > 0) {
    const heldOut = stratifiedFolds(labels, counts.length, folds);
    const paths: SparseStep[][] = [];
    for (let fold = 0; fold < folds; fold++) {
      const problem: SparseProblem = {
        x,
        labels,
        outputs,
        weights: weights.map((weight, row) => (heldOut[row] === fold ? 0 : weight)),
      };
      const steps: SparseStep[] = [];
      const settings = { tol, max_iter, stepTolerance: FOLD_STEP };
      for await (const step of fitSparse(problem, Cs, null, settings, pause)) {
        // Only the first fold's coefficients are used again; a fold's grid of them may be large.
        steps.push(fold === 0 ? step : { ...step, point: new Float64Array(0) });
        yield;
      }
      paths.push(steps);
    }
    crossValidation = Cs.map((value, index) => {
      const scores = paths.map((steps) => steps[index]!.heldOutAccuracy);
      return { C: value, scores, mean: scores.reduce((a, b) => a + b, 0) / scores.length };
    });
    let best = 0;
    for (const [index, { mean }] of crossValidation.entries())
      if (mean > crossValidation[best]!.mean) best = index;
    C = Cs[best]!;
    start = paths[0]![best]!.point;
  }
  const problem: SparseProblem = { x, labels, outputs, weights };
  const settings = { tol: Math.min(tol, FINAL_TOL), max_iter, stepTolerance: FINAL_STEP };
  let final: SparseStep | null = null;
  for await (const step of fitSparse(problem, [C], start, settings, pause)) {
    final = step;
    yield;
  }
  if (final === null || !final.point.every(Number.isFinite)) {
    throw new HeadlightError('internal', 'The words baseline gave numbers that are not finite.');
  }
  const { point, iterations, gradientNorm } = final;
  return {
    point,
    fit: { C, crossValidation, iterations, gradientNorm, converged: gradientNorm <= tol },
  };
}

/** All classes as one part, or a part for each label; null for a label that is the same in every row. */
function partsOf(
  targets: Targets,
  rows: number,
  classes: readonly string[],
  { C, folds }: TfidfSettings,
  notes: string[],
): (Part | null)[] {
  const foldsFor = (smallest: number, name: string): number => {
    if (C !== 'cv') return 0;
    if (smallest === 1) {
      notes.push(
        `${name} has a single training row, so C cannot be cross-validated: C = 1 is used.`,
      );
      return 0;
    }
    if (smallest < folds)
      notes.push(`${name} has ${smallest} training rows: ${smallest} folds instead of ${folds}.`);
    return Math.min(folds, smallest);
  };
  if (targets.kind === 'labels') {
    const counts = checkLabels({ rows }, targets.labels, classes);
    const smallest = Math.min(...counts);
    const name = `The class ${classes[counts.indexOf(smallest)]}`;
    return [
      {
        name,
        labels: targets.labels,
        counts,
        outputs: classes.length === 2 ? 1 : classes.length,
        folds: foldsFor(smallest, name),
      },
    ];
  }
  return Array.from(countTargets(targets.targets, rows, classes), (positive, index) => {
    const label = classes[index]!;
    const smallest = Math.min(positive, rows - positive);
    if (smallest === 0) {
      notes.push(
        positive === 0
          ? `No training row has the label ${label}: it is never predicted.`
          : `Every training row has the label ${label}: it is always predicted.`,
      );
      return null;
    }
    return {
      name: label,
      labels: columnOf(targets.targets, rows, classes.length, index),
      counts: Int32Array.of(rows - positive, positive),
      outputs: 1,
      folds: foldsFor(
        smallest,
        positive === smallest ? `The label ${label}` : `The rest of the label ${label}`,
      ),
    };
  });
}
