/** Fits a probe on a tfjs backend of the browser. */
import { finish } from '../../../../src/base';
import { DEFAULT_NEIGHBORS, kNearest } from '../../../../src/learning/baselines';
import {
  fitLogistic,
  fitOneVsRest,
  predictLabels,
  type LogisticSettings,
} from '../../../../src/learning/heads';
import type { TensorBackendName } from '../../../../src/platform';
import { createWebPlatform } from '../../../../src/platform/web';
import { finishTraining, type GivenTraining } from '../../../helpers/mlp-training';

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
