/** Every architecture in the page: the logits that transformers gives, on WASM and on WebGPU. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { classifierModelGraph, TRANSFORMERS, safetensorsWeights } from '../../src/models/encoders';
import { harnessOfThisFile } from '../helpers/harness-scene';

const harness = harnessOfThisFile();
const folder = new URL('../reference/architectures/', import.meta.url);
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));

interface Golden {
  readonly classes: number;
  readonly right: { readonly input_ids: number[][]; readonly mask: number[][] };
  readonly token_types: number[][];
  readonly text: number[][];
}

describe.each(['wasm', 'webgpu'] as const)('on %s', (device) => {
  test.each(TRANSFORMERS.filter((name) => name !== 'bert' && name !== 'distilbert'))(
    '%s',
    async (name) => {
      const golden = JSON.parse(new TextDecoder().decode(read(`${name}.json`))) as Golden;
      const graph = classifierModelGraph(
        {
          config: read(`${name}.config.json`),
          weights: safetensorsWeights(read(`${name}.safetensors`)),
        },
        { task: 'text', head: 'stock', classes: golden.classes },
      );
      const { input_ids: ids, mask } = golden.right;
      const feed = (rows: number[][]): unknown => ({
        type: 'int64',
        dims: [rows.length, rows[0]?.length ?? 0],
        data: rows.flat(),
      });
      const { logits = [] } = await harness.call<Record<string, number[]>>(
        'runModel',
        Buffer.from(graph).toString('base64'),
        device,
        {
          input_ids: feed(ids),
          attention_mask: feed(mask),
          token_type_ids: feed(golden.token_types),
        },
      );
      const expected = golden.text.flat();
      expect(logits.length).toBe(expected.length);
      const worst = Math.max(...logits.map((value, i) => Math.abs(value - (expected[i] ?? NaN))));
      expect(worst).toBeLessThan(1e-4);
    },
  );
});
