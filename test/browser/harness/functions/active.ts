/** What stands between a label and the next text, in the page's worker, for speed (bench/active). */
import { loadTensorFlow, TensorKernels } from '../../../../src/learning/heads';
import { createWebPlatform } from '../../../../src/platform/web';
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
