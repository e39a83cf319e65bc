/** What stands between a label and the next text, in the page's worker, for speed (bench/active). */
import { createWebPlatform } from '../../../../src/platform/web';
import { prepareRefits, type RefitConfig, type RefitTime } from '../../../../bench/active/speed';

const platform = createWebPlatform();
let run: ((clock: () => number) => Promise<RefitTime>) | null = null;

export async function prepareRefitsInPage(config: RefitConfig): Promise<void> {
  await (await platform).tensors.use('wasm');
  run = await prepareRefits(config);
}

export async function runRefitsInPage(): Promise<RefitTime> {
  if (run === null) throw new Error('nothing is prepared');
  return run(() => performance.now());
}
