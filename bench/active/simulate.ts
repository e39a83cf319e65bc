/** A person who labels as the set is labelled, one text after another, as a strategy asks; measured on the test part. */
import { finish, textHash } from '../../src/base';
import {
  ActiveLearner,
  adviseActive,
  type ActiveStrategy,
  type PoolLabel,
} from '../../src/learning/labelling';
import type { ActiveSet } from './sets';

export interface Simulation {
  /** Test accuracy after so many labels. */
  readonly accuracy: ReadonlyMap<number, number>;
  /** Labels made when it first said that more no longer help; null: never. */
  readonly stopped: number | null;
}

export interface SimulationSettings {
  readonly strategy: ActiveStrategy;
  readonly seed: number;
  /** Labels that are asked for before the probe is fitted again. */
  readonly batch: number;
  readonly most: number;
  readonly C?: number;
}

/** tfjs' WASM backend must be the current one. */
export async function simulate(
  { train, test, classes }: ActiveSet,
  { strategy, seed, batch, most, C }: SimulationSettings,
): Promise<Simulation> {
  const texts = new Map<string, number>();
  const copies = Int32Array.from(train.texts, (text) => {
    const hash = textHash(text);
    const known = texts.get(hash) ?? texts.size;
    texts.set(hash, known);
    return known;
  });
  const learner = await ActiveLearner.open({
    pool: train.features,
    copies,
    truth: { features: test.features, targets: { kind: 'labels', labels: test.labels } },
    classes,
    several: false,
    proposed: null,
    seed,
    onTensors: (work) => work(),
    ...(C === undefined ? {} : { C }),
  });
  const given: PoolLabel[] = [];
  const accuracy = new Map<number, number>();
  let stopped: number | null = null;
  try {
    while (given.length < most) {
      // The first ones singly: they are to be of different kinds.
      const count = given.length < batch ? 1 : Math.min(batch, most - given.length);
      const chosen = learner.next(strategy, count);
      if (chosen.length === 0) break;
      for (const { row } of chosen)
        given.push({ row, labels: [train.labels[row]!], held_out: false });
      await finish(learner.learn(given));
      const last = learner.measures.at(-1);
      if (last?.labels !== given.length) continue;
      accuracy.set(last.labels, last.right.filter(Boolean).length / last.right.length);
      const { verdict } = adviseActive(learner.measures, classes.length, learner.heldOut);
      if (verdict === 'stop') stopped ??= given.length;
    }
  } finally {
    learner.dispose();
  }
  return { accuracy, stopped };
}
