/** A fresh browser with the harness page, and what its renderer takes at most: what bench `large` and `load` share. */
import { readFile } from 'node:fs/promises';
import { launchChromium, type LaunchSettings } from '../../test/helpers/browser';
import { openHarness, type Harness } from '../../test/helpers/harness';

export const MB = 1e6;

export interface BenchPage extends Pick<Harness, 'call'> {
  /** Highest resident memory so far of the page's process, everything in it, bytes; NaN where there is no /proc. */
  peak(): Promise<number>;
  /** Its resident memory now. */
  resident(): Promise<number>;
  close(): Promise<void>;
}

export async function openBenchPage(
  url: string,
  settings: LaunchSettings = {},
): Promise<BenchPage> {
  const browser = await launchChromium(settings);
  const { call } = await openHarness(browser, url);
  const session = await browser.target().createCDPSession();
  const most = async (field: string): Promise<number> => {
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    const renderers = processInfo.filter(({ type }) => type === 'renderer');
    const found = await Promise.all(
      renderers.map(async ({ id }) => {
        const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
        return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? NaN) * 1024;
      }),
    );
    return Math.max(...found);
  };
  return {
    call,
    peak: () => most('VmHWM'),
    resident: () => most('VmRSS'),
    close: () => browser.close(),
  };
}
