/** Every architecture at the shape of a model that people use, against transformers: states and logits. */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { TRANSFORMERS } from '../../../src/models/encoders';
import type { OnnxRuntime } from '../../../src/platform';
import { realDifferences, type RealGolden } from '../../helpers/real-shape';
import { nodeRuntime } from '../learning/finetune/runtime';

const folder = new URL('../../reference/architectures/real/', import.meta.url);

let runtime: OnnxRuntime;
beforeAll(async () => {
  runtime = await nodeRuntime();
});

test.each(TRANSFORMERS)('%s', async (name) => {
  const golden = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as RealGolden;
  const found = await realDifferences(golden, runtime, 'cpu');
  expect(found.compared).toBeGreaterThan(golden.padded.states.length * 60);
  expect(found.states).toBeLessThan(1e-4);
  expect(found.logits).toBeLessThan(1e-4);
});
