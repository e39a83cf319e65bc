/** Fits a probe on a tfjs backend of the browser. */
import { finish } from '../../../../src/base';
import { fitLogistic, predictLabels, type LogisticSettings } from '../../../../src/learning/heads';
import type { TensorBackendName } from '../../../../src/platform';
import { createWebPlatform } from '../../../../src/platform/web';

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
