/** What stands between a label and the next text, in the page's worker, for speed (bench/active). */
import { createWebPlatform } from '../../../../src/platform/web';
import { timeRefits, type RefitConfig, type RefitTime } from '../../../../bench/active/speed';

const platform = createWebPlatform();

export async function timeRefitsInPage(config: RefitConfig): Promise<RefitTime> {
  await (await platform).tensors.use('wasm');
  return timeRefits(config);
}
