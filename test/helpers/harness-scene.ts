/** The harness open in Chromium, on a host that sends the policy's headers, for all tests of a file. */
import { afterAll, beforeAll } from 'vitest';
import { securityHeaders } from '../../src/platform/web/policy';
import { launchChromium, type LaunchSettings } from './browser';
import { buildHarness, openHarness, removeHarnessBuilds, type Harness } from './harness';
import { serveFolder } from './static-server';

/**
 * Registers its hooks with Vitest: call it at the top of a test file; what it returns answers once they have run.
 * @param settings of the browser.
 */
export function harnessOfThisFile(
  settings: LaunchSettings = {},
): Pick<Harness, 'call' | 'complaints'> {
  let harness: Harness | null = null;
  let close: () => Promise<void> = () => Promise.resolve();
  beforeAll(async () => {
    const server = await serveFolder(await buildHarness(), { headers: securityHeaders(null) });
    const browser = await launchChromium(settings);
    close = async () => {
      await browser.close();
      await server.close();
    };
    harness = await openHarness(browser, server.url);
  });
  afterAll(async () => {
    await close();
    await removeHarnessBuilds();
  });
  const opened = (): Harness => {
    if (harness === null) throw new Error('the harness is not open yet');
    return harness;
  };
  return {
    get complaints() {
      return opened().complaints;
    },
    call: (name, ...args) => opened().call(name, ...args),
  };
}
