/** Probes fitted in the browser, on WebGPU and on WASM, are scikit-learn's: the same goldens as in Node. */
import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { securityHeaders } from '../../src/platform/web/policy';
import { launchChromium } from '../helpers/browser';
import { buildHarness, openHarness, removeHarnessBuilds, type Harness } from '../helpers/harness';
import { serveFolder, type StaticServer } from '../helpers/static-server';
import { dataset, float64, headCases, relativeError, settingsOf } from '../unit/learning/goldens';

let browser: Browser;
let server: StaticServer;
let harness: Harness;

beforeAll(async () => {
  server = await serveFolder(await buildHarness(), { headers: securityHeaders(null) });
  browser = await launchChromium();
  harness = await openHarness(browser, server.url);
});

afterAll(async () => {
  await browser.close();
  await server.close();
  await removeHarnessBuilds();
});

/** The software adapter takes minutes for all the folds; one cross-validated case shows that they work. */
const SLOW_ON_SOFTWARE = /^cross-validated, (four|balanced|standardised)/;

describe.each(['wasm', 'webgpu'] as const)('on tfjs %s', (backend) => {
  const cases = headCases.filter(({ name }) => backend === 'wasm' || !SLOW_ON_SOFTWARE.test(name));
  it.each(cases)('fits as scikit-learn: $name', async (reference) => {
    const { features, labels, classes } = dataset(reference.data);
    const fitted = await harness.call<{
      coef: number[];
      intercept: number[];
      C: number;
      predictions: number[];
    }>(
      'fitProbe',
      backend,
      features.columns,
      Array.from(features.data),
      Array.from(labels),
      classes,
      settingsOf(reference.settings),
    );
    expect(relativeError(Float64Array.from(fitted.coef), float64(reference.coef))).toBeLessThan(
      1e-3,
    );
    if (reference.C !== undefined) expect(fitted.C).toBe(reference.C);
    const same = fitted.predictions.filter((label, row) => label === reference.predictions[row]);
    expect(same.length / labels.length).toBeGreaterThanOrEqual(0.999);
  });
});
