/** A person who labels as the set is labelled, one text after another, as a strategy asks; measured on the test part. */
import { finish, textHash } from '../../src/base';
import { OnnxKernels } from '../../src/learning/heads';
import {
  ActiveLearner,
  adviseActive,
  curveSizes,
  type ActiveStrategy,
  type CurveMeasure,
  type PoolLabel,
} from '../../src/learning/labelling';
import { createNodeRuntime } from '../../src/platform/node/runtime';
import type { ActiveSet } from './sets';

const kernels = new OnnxKernels(createNodeRuntime());

export interface SimulationSettings {
  readonly strategy: ActiveStrategy;
  readonly seed: number;
  /** Labels that are asked for before the probe is fitted again. */
  readonly batch: number;
  readonly most: number;
  readonly C?: number;
}

/**
 * tfjs' WASM backend must be the current one.
 * @returns the probe on the test part after each batch, and at each point of the curve; ascending by labels.
 */
export async function simulate(
  { train, test, classes }: ActiveSet,
  { strategy, seed, batch, most, C }: SimulationSettings,
): Promise<CurveMeasure[]> {
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
    kernels,
    onKernels: (work) => work(),
    ...(C === undefined ? {} : { C }),
  });
  const given: PoolLabel[] = [];
  const found = new Map<number, CurveMeasure>();
  try {
    while (given.length < most) {
      // The first ones singly: they are to be of different kinds.
      const count = given.length < batch ? 1 : Math.min(batch, most - given.length);
      const chosen = learner.next(strategy, count);
      if (chosen.length === 0) break;
      for (const { row } of chosen)
        given.push({ row, labels: [train.labels[row]!], held_out: false });
      await finish(learner.learn(given));
      for (const measure of learner.measures) found.set(measure.labels, measure);
    }
  } finally {
    learner.dispose();
  }
  return [...found.values()].sort((a, b) => a.labels - b.labels);
}

export function accuracyAt(measures: readonly CurveMeasure[], labels: number): number {
  const right = measures.find((one) => one.labels === labels)?.right ?? [];
  return right.filter(Boolean).length / right.length;
}

/** Labels made when a person would first have been told to stop; null: never. */
export function firstStop(
  measures: readonly CurveMeasure[],
  classes: number,
  batch: number,
): number | null {
  for (const last of measures) {
    if (last.labels % batch !== 0) continue;
    const sizes = new Set(curveSizes(last.labels));
    const seen = measures.filter(({ labels }) => sizes.has(labels));
    if (adviseActive(seen, classes, last.right.length).verdict === 'stop') return last.labels;
  }
  return null;
}
