/**
 * Linear probes: scikit-learn's `LogisticRegression` (lbfgs) at its optimum, for each C of a grid, the C with the best
 * accuracy on the validation rows taken (the smallest among equals), as SentEval's `SplitClassifier`: what is reported is
 * the fit on the training rows alone, not one with the validation rows added.
 *
 * A path starts at the smallest C, and each C from the solution before it. The objective is strictly convex, so where a
 * path starts changes how long it takes and not where it ends.
 */
import { HeadlightError } from '../../base';
import {
  fitBatch,
  Products,
  type FitRequest,
  type FitStep,
  type Kernels,
  type Matrix,
} from '../heads';
import type { CheckedRequest } from './check-request';
import { uncorrelate, type Uncorrelated } from './eigenbasis';
import {
  groupRequests,
  outputsOf,
  pathsOf,
  rowsInside,
  type FitGroup,
  type LearnedPath,
} from './linear-plan';
import { eachLogits, gatherRows } from './logits';
import { accuracyOf, fitOf, newScores, SCORE_BYTES, scoreLogits, type RowScores } from './score';
import type { ProbeFit, ProbeRequest } from './types';

/** Largest gradient component of the mean objective at the end, and the relative step that would still be taken. */
const TOL = 5e-5;
const STEP = 5e-5;
const MOST_ITERATIONS = 1000;
/** Columns of logits that are computed at once where probes are scored. */
const SCORED_COLUMNS = 512;
/** What the scores of the probes that are scored at once may take. */
const SCORED_BYTES = 64e6;

/** A probe at one C. */
interface Candidate {
  readonly at: number;
  readonly C: number;
  readonly step: FitStep | null;
}

/**
 * @param requests of the linear family.
 * @yields how many of the requests are fitted, in parts.
 * @returns a fit for each of them, in their order.
 */
export async function* fitLinearCell(
  features: Matrix,
  requests: readonly CheckedRequest[],
  kernels: Kernels,
  pause: () => Promise<void>,
): AsyncGenerator<number, ProbeFit[], void> {
  const marks = new Uint8Array(features.rows);
  for (const { request } of requests) for (const row of request.rows.train) marks[row] = 1;
  const cell = await uncorrelate(features, rowsInside(marks), kernels, pause);
  const { paths, of } = pathsOf(requests);
  const walked = paths.map((): readonly FitStep[] => []);
  const share = requests.length / paths.length;
  let done = 0;
  for (const group of groupRequests(paths, features.rows, features.columns)) {
    const job = fitGroup(group, paths, cell, pause);
    let step = await job.next();
    while (!step.done) {
      yield (done + step.value) * share;
      step = await job.next();
    }
    step.value.forEach((steps, i) => (walked[group.members[i]!] = steps));
    done += group.members.length;
  }
  const candidates = requests.map(({ Cs, request }, at): Candidate[] =>
    Cs.map((C) => {
      const step = walked[of[at]!]!.find((one) => one.C === C) ?? null;
      if (step !== null && !step.point.every(Number.isFinite)) {
        throw new HeadlightError('device', `${request.name}: the fit gave no finite numbers.`, {
          hint: 'Choose another layer or pooling, or another device.',
        });
      }
      return { at, C, step };
    }),
  );
  const chosen = await choose(candidates, requests, cell, pause);
  yield done * share;
  const fits: ProbeFit[] = [];
  const parts = ({ rows }: ProbeRequest) => [rows.train, rows.validation, rows.test];
  await score(chosen, requests, cell, parts, pause, ({ at, C, step }, scores) => {
    const converged = step === null || step.gradientNorm <= TOL;
    fits[at] = fitOf(requests[at]!, scores, C, converged);
  });
  return fits;
}

async function* fitGroup(
  { members, outputs, rows }: FitGroup,
  paths: readonly LearnedPath[],
  { design: all, variances, kernels }: Uncorrelated,
  pause: () => Promise<void>,
): AsyncGenerator<number, FitStep[][], void> {
  const { columns } = all;
  const isAll = rows.length === all.rows;
  const centred = isAll ? all.centred : gatherRows(all.centred, columns, rows);
  const design = { ...all, rows: rows.length, centred };
  const place = new Int32Array(all.rows).fill(-1);
  rows.forEach((row, at) => (place[row] = at));
  const asked = members.map((at): FitRequest => {
    const {
      checked: { request, present },
      Cs,
    } = paths[at]!;
    const code = new Int32Array(request.classes);
    present.forEach((k, i) => (code[k] = i));
    const weights = new Float64Array(rows.length);
    for (const row of request.rows.train) weights[place[row]!]! += 1;
    // Of rows that weigh nothing the label is not looked at.
    const labels = Int32Array.from(rows, (row) => code[request.labels[row]!] ?? 0);
    return { labels, weights, Cs, start: null };
  });
  const products = new Products(design, members.length * outputs, kernels);
  try {
    const job = fitBatch(
      asked,
      { tol: TOL, stepTolerance: STEP, max_iter: MOST_ITERATIONS },
      {
        design,
        products,
        labels: new Int32Array(0),
        outputs,
        covariance: new Float64Array(0),
        variances,
        preconditioners: new Map(),
        pause,
      },
    );
    const total = asked.reduce((sum, { Cs }) => sum + Cs.length, 0);
    let step = await job.next();
    while (!step.done) {
      yield (step.value / total) * members.length;
      step = await job.next();
    }
    return step.value;
  } finally {
    products.dispose();
  }
}

/** The C of the best accuracy on validation rows, the smallest among equals. */
async function choose(
  candidates: readonly (readonly Candidate[])[],
  requests: readonly CheckedRequest[],
  cell: Uncorrelated,
  pause: () => Promise<void>,
): Promise<Candidate[]> {
  const open = candidates.filter((of) => of.length > 1 && of[0]!.step !== null).flat();
  const best = candidates.map((of) => ({ candidate: of[0]!, accuracy: -1 }));
  if (open.length > 0) {
    const parts = ({ rows }: ProbeRequest) => [rows.validation];
    await score(open, requests, cell, parts, pause, (candidate, { predicted }) => {
      const { labels, rows } = requests[candidate.at]!.request;
      const accuracy = accuracyOf(labels, predicted, rows.validation) ?? 0;
      const so = best[candidate.at]!;
      if (accuracy > so.accuracy) best[candidate.at] = { candidate, accuracy };
    });
  }
  return best.map(({ candidate }) => candidate);
}

/** Scores every candidate on the parts that are wanted of its request, in order, a few candidates at a time. */
async function score(
  candidates: readonly Candidate[],
  requests: readonly CheckedRequest[],
  { design: { rows: all, columns, centred }, kernels }: Uncorrelated,
  parts: (request: ProbeRequest) => readonly Int32Array[],
  pause: () => Promise<void>,
  taken: (candidate: Candidate, scores: RowScores) => void,
): Promise<void> {
  const most = Math.max(1, Math.floor(SCORED_BYTES / (SCORE_BYTES * all)));
  for (let from = 0; from < candidates.length;) {
    let width = 0;
    let to = from;
    while (to < candidates.length && to - from < most) {
      const count = outputsOf(requests[candidates[to]!.at]!);
      if (to > from && width + count > SCORED_COLUMNS) break;
      width += count;
      to += 1;
    }
    const group = candidates.slice(from, to);
    from = to;
    const marks = new Uint8Array(all);
    const weights = new Float32Array(columns * width);
    let first = 0;
    const places = group.map(({ at, step }) => {
      const count = outputsOf(requests[at]!);
      const point = step?.point ?? new Float64Array(0);
      if (step !== null)
        for (let j = 0; j < columns; j++)
          for (let k = 0; k < count; k++) weights[j * width + first + k] = point[j * count + k]!;
      const outputs = { width, first, count, intercept: point.subarray(columns * count) };
      first += count;
      const scores = newScores(all, parts(requests[at]!.request));
      for (let row = 0; row < all; row++) marks[row]! |= scores.wanted[row]!;
      return { outputs, scores };
    });
    const scored = rowsInside(marks);
    const rows = scored.length === all ? null : scored;
    const matrix = { rows: all, columns, data: centred };
    await eachLogits(matrix, rows, weights, width, kernels, pause, (positions, logits) => {
      for (const [i, { at }] of group.entries())
        scoreLogits(requests[at]!, places[i]!.outputs, positions, logits, places[i]!.scores);
    });
    for (const [i, candidate] of group.entries()) taken(candidate, places[i]!.scores);
  }
}
