/** Fits a probe on a tfjs backend of the browser. */
import { finish } from '../../../../src/base';
import { DEFAULT_NEIGHBORS, kNearest } from '../../../../src/learning/baselines';
import {
  fitLogistic,
  fitOneVsRest,
  loadTensorFlow,
  predictLabels,
  type LogisticSettings,
} from '../../../../src/learning/heads';
import { fitCell, type ProbeFamily } from '../../../../src/learning/probing';
import { ProbeNetworks } from '../../../../src/learning/probing/mlp-network';
import type { TensorBackendName } from '../../../../src/platform';
import { createWebPlatform } from '../../../../src/platform/web';
import { batchOf, floatsOf, shorter, together } from '../../../helpers/mlp-steps';
import { finishTraining, type GivenTraining } from '../../../helpers/mlp-training';
import type { StepsCase } from '../../../unit/learning/probing/fits-golden';

const platform = createWebPlatform();

export async function fitProbe(
  backend: TensorBackendName,
  columns: number,
  features: readonly number[],
  labels: readonly number[],
  classes: readonly string[],
  settings: LogisticSettings,
): Promise<{ coef: number[]; intercept: number[]; C: number; predictions: number[] }> {
  await (await platform).tensors.use(backend);
  const matrix = { rows: labels.length, columns, data: Float32Array.from(features) };
  const { head, report } = await finish(
    fitLogistic(matrix, Int32Array.from(labels), classes, settings, { backend }),
  );
  return {
    coef: Array.from(head.coef),
    intercept: Array.from(head.intercept),
    C: report.C,
    predictions: Array.from(predictLabels(head, matrix)),
  };
}

/** One-vs-rest on a tfjs backend of the browser. */
export async function fitLabels(
  backend: TensorBackendName,
  columns: number,
  features: readonly number[],
  targets: readonly number[],
  classes: readonly string[],
  settings: LogisticSettings,
): Promise<{ coef: number[]; C: number[] }> {
  await (await platform).tensors.use(backend);
  const rows = features.length / columns;
  const matrix = { rows, columns, data: Float32Array.from(features) };
  const { head, report } = await finish(
    fitOneVsRest(matrix, Uint8Array.from(targets), classes, settings, { backend }),
  );
  return { coef: Array.from(head.coef), C: report.labels.map(({ C }) => C) };
}

/** An MLP probe from given weights in a given order, on a tfjs backend of the browser. */
export async function trainMlp(
  backend: TensorBackendName,
  given: GivenTraining,
): Promise<{ lossCurve: number[]; weights: number[] }> {
  await (await platform).tensors.use(backend);
  return await finishTraining(given);
}

/** A request of a cell as a message carries it. */
export interface GivenProbe {
  readonly name: string;
  readonly labels: readonly number[];
  readonly classes: number;
  readonly train: readonly number[];
  readonly validation: readonly number[];
  readonly test: readonly number[];
  readonly family: ProbeFamily;
  readonly seed: number;
}

/** The probes of a layer study's cell, fitted together on a tfjs backend of the browser. */
export async function fitProbesOfCell(
  backend: TensorBackendName,
  columns: number,
  features: readonly number[],
  probes: readonly GivenProbe[],
): Promise<{ C: number | null; predicted: number[]; testBits: number }[]> {
  await (await platform).tensors.use(backend);
  const data = Float32Array.from(features);
  const requests = probes.map(({ labels, train, validation, test, ...rest }) => ({
    ...rest,
    labels: Int32Array.from(labels),
    rows: {
      train: Int32Array.from(train),
      validation: Int32Array.from(validation),
      test: Int32Array.from(test),
    },
  }));
  const matrix = { rows: data.length / columns, columns, data };
  const fits = await finish(fitCell(matrix, requests, { backend }));
  return fits.map(({ C, predicted, testBits }) => ({ C, predicted: [...predicted], testBits }));
}

/**
 * Three networks from one start, stepped together; the one in the middle has fewer rows, and leaves half way.
 * @returns the weights of the other two.
 */
export async function stepProbes(
  backend: TensorBackendName,
  one: StepsCase,
): Promise<readonly [number[], number[]]> {
  await (await platform).tensors.use(backend);
  await loadTensorFlow();
  const start = floatsOf(one.start);
  const networks = new ProbeNetworks(one, [start, start, start]);
  const half = one.batches.length / 2;
  for (const index of one.batches.keys()) {
    const batch = batchOf(one, index);
    if (index === half) networks.keep([0, 2]);
    const batches = index < half ? [batch, shorter(batch, 3), batch] : [batch, batch];
    networks.step(together(one, batches));
  }
  await networks.settle();
  const ends: readonly [number[], number[]] = [
    [...(await networks.weights(0))],
    [...(await networks.weights(1))],
  ];
  networks.dispose();
  return ends;
}

/** Five nearest neighbours by cosine, on a tfjs backend of the browser. */
export async function findNeighbors(
  backend: TensorBackendName,
  columns: number,
  train: readonly number[],
  labels: readonly number[],
  classes: readonly string[],
  rows: readonly number[],
): Promise<number[]> {
  await (await platform).tensors.use(backend);
  const matrix = (values: readonly number[]) => ({
    rows: values.length / columns,
    columns,
    data: Float32Array.from(values),
  });
  const { probabilities } = await finish(
    kNearest(
      matrix(train),
      { kind: 'labels', labels: Int32Array.from(labels) },
      classes,
      matrix(rows),
      DEFAULT_NEIGHBORS,
    ),
  );
  return Array.from(probabilities);
}
