/**
 * Gradients on the devices of a page: in float32 on WASM and on (software) WebGPU they are those of the
 * CPU, and on WebGPU no node is left to the CPU.
 */
import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differentiate } from '../../src/graph/autodiff';
import { writeModel } from '../../src/graph/onnx';
import { createNodeRuntime } from '../../src/platform/node/runtime';
import { securityHeaders } from '../../src/platform/web/policy';
import { launchChromium } from '../helpers/browser';
import { buildCase, tensorsOf, type GradientCase } from '../helpers/gradient-cases';
import { FUSED, GRADIENT_CASES, LOG_SOFTMAX } from '../helpers/gradient-table';
import { buildHarness, openHarness, removeHarnessBuilds, type Harness } from '../helpers/harness';
import { serveFolder, type StaticServer } from '../helpers/static-server';
import type { CaseResult } from './harness/functions/graph';

let browser: Browser;
let server: StaticServer;
let harness: Harness;
const runtime = createNodeRuntime();

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

/** Loss and gradients on Node's CPU. */
async function onCpu(one: GradientCase): Promise<Record<string, number[]>> {
  const built = buildCase(one, 'float32');
  const { model } = differentiate(built.model, { loss: 'loss', wrt: built.wrt });
  const session = await runtime.createSession(writeModel(model), { device: 'cpu', threads: 1 });
  const feeds = tensorsOf(built, 'float32');
  const outputs = await session.run(
    Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]!])),
  );
  await session.release();
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data }]) => [name, Array.from(data, Number)]),
  );
}

function largestDifference(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return a.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - b[i]!) / Math.max(1, Math.abs(b[i]!))),
    0,
  );
}

describe.each(['wasm', 'webgpu'] as const)(
  'every gradient on %s is that of the CPU, to 1e-4',
  (device) => {
    // FusedMatMul and LogSoftmax have no kernels on WebGPU; graphs for it are built without them.
    const cases = device === 'wasm' ? [...GRADIENT_CASES, ...FUSED, LOG_SOFTMAX] : GRADIENT_CASES;
    test.each(cases.map((one) => [one.name, one] as const))('%s', async (name, one) => {
      // WGSL's sine and cosine need be exact to 2^-11 only.
      const tolerance = device === 'webgpu' && /^(Sin|Cos)$/.test(name) ? 2 ** -11 : 1e-4;
      const expected = await onCpu(one);
      const result = await harness.call<CaseResult>('gradientCase', name, device);
      expect(Object.keys(result.outputs).sort()).toEqual(Object.keys(expected).sort());
      for (const [output, values] of Object.entries(expected))
        expect(largestDifference(result.outputs[output] ?? [], values), output).toBeLessThan(
          tolerance,
        );
      if (device === 'webgpu') expect(result.elsewhere).toEqual([]);
    });
  },
);

test('a node that WebGPU leaves to the CPU is seen, so that the tests above can fail', async () => {
  const fused = FUSED[0]!.name;
  const { elsewhere } = await harness.call<CaseResult>('gradientCase', fused, 'webgpu');
  expect(elsewhere).toEqual(['FusedMatMul (FusedMatMul_0)']);
});
