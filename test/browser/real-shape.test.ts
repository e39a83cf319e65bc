/**
 * Models of the size that people use, in the page: states and logits as transformers has them. Every
 * architecture stands in the benchmark `shapes`; here one on each device.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { harnessOfThisFile } from '../helpers/harness-scene';
import type { RealDifferences, RealGolden } from '../helpers/real-shape';

const harness = harnessOfThisFile();
const folder = new URL('../reference/architectures/real/', import.meta.url);

test.each([
  ['distilbert', 'wasm'],
  ['electra', 'webgpu'],
] as const)('%s on %s', { timeout: 300_000 }, async (name, device) => {
  const golden = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as RealGolden;
  const found = await harness.call<RealDifferences>('realShape', golden, device);
  expect(found.compared).toBeGreaterThan(golden.alone.states.length * 8);
  expect(found.states).toBeLessThan(1e-4);
  expect(found.logits).toBeLessThan(1e-4);
});
