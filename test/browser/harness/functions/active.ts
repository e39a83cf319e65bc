/** What stands between a label and the next text, in the page's worker, for speed (bench/active). */
import { loadTensorFlow, TensorKernels } from '../../../../src/learning/heads';
import { createWebPlatform } from '../../../../src/platform/web';
import { answerTimes } from '../../../../bench/active/answers';
import { prepareRefits, type RefitConfig, type RefitTime } from '../../../../bench/active/speed';

const platform = createWebPlatform();
let run: ((clock: () => number) => Promise<RefitTime>) | null = null;

export async function prepareRefitsInPage(config: RefitConfig): Promise<void> {
  await (await platform).tensors.use('wasm');
  await loadTensorFlow();
  run = await prepareRefits(config, new TensorKernels('wasm'));
}

export async function runRefitsInPage(): Promise<RefitTime> {
  if (run === null) throw new Error('nothing is prepared');
  return run(() => performance.now());
}

/** @param features little-endian 32-bit floats in base64, [rows, columns]. */
export async function answerTimesInPage(
  features: string,
  labels: readonly number[],
  classes: readonly string[],
  count: number,
): Promise<number[]> {
  await (await platform).tensors.use('wasm');
  await loadTensorFlow();
  const bytes = Uint8Array.from(atob(features), (letter) => letter.charCodeAt(0));
  const data = new Float32Array(bytes.buffer);
  const rows = labels.length;
  const matrix = { rows, columns: data.length / rows, data };
  const kernels = {
    kernels: new TensorKernels('wasm'),
    onKernels: <T>(work: () => Promise<T>) => work(),
  };
  return answerTimes({ features: matrix, labels, classes }, count, kernels);
}
