/** How long the learner itself takes from a label to the next text, on the embeddings of real texts. */
import { finish, seededRandom } from '../../src/base';
import { OnnxKernels } from '../../src/learning/heads';
import { ActiveLearner, type PoolLabel } from '../../src/learning/labelling';
import { createNodeRuntime } from '../../src/platform/node/runtime';
import type { ActiveSet } from './sets';

const ROUNDS = 30;

export interface AnswerTimes {
  /** Milliseconds by the clock, of each of the last thirty labels. */
  readonly clock: readonly number[];
  /** The same of processor time: what collects garbage beside it counts, other work on the machine does not. */
  readonly processor: readonly number[];
}

export async function answerTimes(set: ActiveSet, labels: number): Promise<AnswerTimes> {
  const { features, labels: truth } = set.train;
  const learner = await ActiveLearner.open({
    pool: features,
    copies: Int32Array.from({ length: features.rows }, (_, row) => row),
    truth: null,
    classes: set.classes,
    several: false,
    proposed: null,
    seed: 0,
    kernels: new OnnxKernels(createNodeRuntime()),
    onKernels: (work) => work(),
  });
  const order = seededRandom(0).shuffle(Int32Array.from(truth.keys()));
  const given = Array.from(order.subarray(0, labels), (row): PoolLabel => ({
    row,
    labels: [truth[row] ?? 0],
    held_out: false,
  }));
  const times = { clock: [] as number[], processor: [] as number[] };
  for (let count = labels - ROUNDS; count <= labels; count++) {
    const began = performance.now();
    const used = process.cpuUsage();
    await finish(learner.learn(given.slice(0, count)));
    learner.next('margin', 1);
    const took = performance.now() - began;
    const { user, system } = process.cpuUsage(used);
    // The first one fits all the points of the curve.
    if (count > labels - ROUNDS) {
      times.clock.push(took);
      times.processor.push((user + system) / 1000);
    }
    await learner.prepare();
  }
  learner.dispose();
  return times;
}
