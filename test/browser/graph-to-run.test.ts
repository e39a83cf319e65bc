/**
 * Sessions whose weights stand outside of the graph's bytes, on the devices of a page: the hidden states of
 * transformers on WASM, where they are multiplied as the checkpoint stores them, and on WebGPU, where they are not.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { harnessOfThisFile } from '../helpers/harness-scene';

const harness = harnessOfThisFile();
const folder = new URL('../reference/architectures/', import.meta.url);
const read = (name: string): Buffer => readFileSync(new URL(name, folder));

interface Golden {
  readonly right: {
    readonly input_ids: number[][];
    readonly mask: number[][];
    /** By layer, text, token. */
    readonly states: number[][][][];
  };
}

/** GPT-2 stores its products [in, out], the others [out, in]. */
test.each([
  ['roberta', 'wasm', 'fp32', 1e-4],
  ['roberta', 'wasm', 'q8', 0.1],
  ['gpt2', 'wasm', 'fp32', 1e-4],
  ['gpt_neo', 'wasm', 'fp32', 1e-4],
  ['gpt2', 'webgpu', 'fp32', 1e-4],
  ['gpt_neo', 'webgpu', 'fp32', 1e-4],
  ['roberta', 'webgpu', 'q8', 0.1],
] as const)('%s on %s in %s', async (name, device, precision, most) => {
  const { right } = JSON.parse(read(`${name}.json`).toString()) as Golden;
  const { input_ids: ids, mask, states } = right;
  const found = await harness.call<number[]>(
    'embedAtOnce',
    read(`${name}.config.json`).toString(),
    read(`${name}.safetensors`).toString('base64'),
    precision,
    device,
    ids,
    mask,
  );
  const expected = (states.at(-1) ?? []).flatMap((tokens, text) => {
    const real = tokens.filter((_, at) => mask[text]?.[at] === 1);
    return (real[0] ?? []).map((_, i) => mean(real.map((state) => state[i] ?? NaN)));
  });
  expect(found).toHaveLength(expected.length);
  const apart = found.map((value, i) => Math.abs(value - (expected[i] ?? NaN)));
  expect(Math.max(...apart)).toBeLessThan(most);
});

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
