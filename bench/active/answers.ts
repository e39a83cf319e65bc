/**
 * How long the learner itself takes from a label to the next text, on the embeddings of real texts. The same in Node and
 * in the page's worker.
 */
import { finish, seededRandom } from '../../src/base';
import type { Matrix } from '../../src/learning/heads';
import { ActiveLearner, type LearnerOptions, type PoolLabel } from '../../src/learning/labelling';

const ROUNDS = 30;

export interface AnswerSet {
  readonly features: Matrix;
  /** Indices of classes, one a row. */
  readonly labels: ArrayLike<number>;
  readonly classes: readonly string[];
}

/** @returns milliseconds by the clock, of each of the last thirty labels. */
export async function answerTimes(
  { features, labels: truth, classes }: AnswerSet,
  labels: number,
  kernels: Pick<LearnerOptions, 'kernels' | 'onKernels'>,
): Promise<number[]> {
  const rows = Int32Array.from({ length: features.rows }, (_, row) => row);
  const learner = await ActiveLearner.open({
    pool: features,
    copies: rows,
    truth: null,
    classes,
    several: false,
    proposed: null,
    seed: 0,
    ...kernels,
  });
  const order = seededRandom(0).shuffle(rows.slice());
  const given = Array.from(order.subarray(0, labels), (row): PoolLabel => ({
    row,
    labels: [truth[row] ?? 0],
    held_out: false,
  }));
  const times: number[] = [];
  for (let count = labels - ROUNDS; count <= labels; count++) {
    const began = performance.now();
    await finish(learner.learn(given.slice(0, count)));
    learner.next('margin', 1);
    // The first one fits all the points of the curve.
    if (count > labels - ROUNDS) times.push(performance.now() - began);
    await learner.prepare();
  }
  learner.dispose();
  return times;
}
