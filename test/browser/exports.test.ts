/**
 * Exported graphs in the page, as they are: on WASM what ONNX Runtime computes with the same file elsewhere, and on a
 * GPU either that or a refusal in words. Half precision runs where the device has it; this one has not.
 */
import { describe, expect, test } from 'vitest';
import { openExport } from '../../src/models';
import { exportedFile, exportGolden } from '../helpers/exports';
import { harnessOfThisFile } from '../helpers/harness-scene';

const harness = harnessOfThisFile();

/** The last state, mean-pooled, by the page. */
async function embedded(name: string, variant: string, device: string): Promise<number[]> {
  const golden = exportGolden(name);
  const config = { ...golden.config, model_type: 'other' };
  const { model } = openExport(
    {
      config: new TextEncoder().encode(JSON.stringify(config)),
      weights: { kind: 'onnx', model: exportedFile(golden, variant), external: new Map() },
    },
    golden.files[variant]?.precision ?? 'fp32',
  );
  const graph = model.graph({ layer: model.layers, pooling: 'mean', normalize: false });
  const feed = (rows: readonly (readonly number[])[]): unknown => ({
    type: 'int64',
    dims: [rows.length, rows[0]?.length ?? 0],
    data: rows.flat(),
  });
  const { embedding = [] } = await harness.call<Record<string, number[]>>(
    'runModel',
    Buffer.from(graph).toString('base64'),
    device,
    { input_ids: feed(golden.input_ids), attention_mask: feed(golden.attention_mask) },
  );
  return embedding;
}

/** As onnxruntime in Python computes it with the same file. */
function expected(name: string, variant: string): number[] {
  const golden = exportGolden(name);
  return golden.files[variant]?.states.at(-1)?.[0].flat() ?? [];
}

function apart(name: string, variant: string, found: readonly number[]): number {
  const wanted = expected(name, variant);
  expect(found).toHaveLength(wanted.length);
  expect(wanted.length).toBeGreaterThan(0);
  return wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - (found[i] ?? NaN))), 0);
}

const VARIANTS = [
  ['roberta', 'dynamo', 1e-4],
  ['modernbert', 'torchscript', 1e-4],
  ['deberta-v2', 'dynamo', 1e-4],
  ['roberta', 'q8', 1e-3],
  ['gpt2', 'q8', 1e-3],
  ['roberta', 'q4', 1e-4],
  ['modernbert', 'q4-gather', 1e-4],
] as const;

describe('on WASM', () => {
  test.each(VARIANTS.filter(([, variant]) => variant !== 'q4-gather'))(
    '%s, %s',
    async (name, variant, most) => {
      expect(apart(name, variant, await embedded(name, variant, 'wasm'))).toBeLessThan(most);
    },
  );

  test('a table in 4 bits, for which onnxruntime-web has no kernel, is refused by its operator', async () => {
    const found = embedded('modernbert', 'q4-gather', 'wasm');
    await expect(found).rejects.toThrow(/bad-model.*GatherBlockQuantized/);
  });

  test.each([
    ['roberta', 'fp16'],
    ['bert', 'q4f16'],
  ])('%s, %s, whose halves are computed as floats', async (name, variant) => {
    expect(apart(name, variant, await embedded(name, variant, 'wasm'))).toBeLessThan(5e-3);
  });
});

describe('on WebGPU', () => {
  test.each(VARIANTS)('%s, %s', async (name, variant, most) => {
    expect(apart(name, variant, await embedded(name, variant, 'webgpu'))).toBeLessThan(most);
  });
});
