/**
 * Promise: an encoder that was exported to ONNX gives transformers' hidden states at every layer, whichever exporter
 * wrote it, and of a smaller file those that ONNX Runtime computes with that very file. The files are made by
 * test/reference/exports/make.py, which finds the hidden states by their numbers, not by how the graph is made.
 */
import { describe, expect, it } from 'vitest';
import { openExport } from '../../../src/models';
import { openSession } from '../../../src/graph/runtime';
import type { TensorData } from '../../../src/platform';
import { createNodeRuntime } from '../../../src/platform/node/runtime';
import { exportGolden, exportedFile, exportNames, type ExportGolden } from '../../helpers/exports';

const runtime = createNodeRuntime();

/** Of a half: 10 bits of fraction, in states that are a few units large. */
const HALF = 5e-3;
/** Rounding alone; the golden values have six digits. */
const EXACT = 1e-4;

async function states(golden: ExportGolden, variant: string): Promise<Float32Array[][]> {
  // config.json names no architecture that is built here: the graph is run as it is.
  const config = new TextEncoder().encode(
    JSON.stringify({ ...golden.config, model_type: 'other' }),
  );
  const file = golden.files[variant];
  if (file === undefined) throw new Error(`no ${variant}`);
  const { model } = openExport(
    {
      config,
      weights: { kind: 'onnx', model: exportedFile(golden, variant), external: new Map() },
    },
    file.precision,
  );
  expect(model).toMatchObject({
    architecture: 'exported',
    layers: golden.states.length - 1,
    precision: file.precision,
  });
  const layers = golden.states.map((_, layer) => layer);
  const outputs = layers.flatMap((layer) => [
    { layer, pooling: 'mean', normalize: false, name: `mean${layer}` } as const,
    { layer, pooling: 'cls', normalize: false, name: `cls${layer}` } as const,
  ]);
  const session = await openSession(runtime, model.graphWithOutputs(outputs), { device: 'cpu' });
  const ids = (rows: readonly (readonly number[])[]): TensorData => ({
    type: 'int64',
    dims: [rows.length, rows[0]?.length ?? 0],
    data: BigInt64Array.from(rows.flat(), BigInt),
  });
  try {
    const found = await session.run({
      input_ids: ids(golden.input_ids),
      attention_mask: ids(golden.attention_mask),
    });
    return layers.map((layer) =>
      ['mean', 'cls'].map((pooling) => found[`${pooling}${layer}`]?.data as Float32Array),
    );
  } finally {
    await session.release();
  }
}

function distance(found: Float32Array | undefined, wanted: readonly (readonly number[])[]): number {
  const values = wanted.flat();
  expect(found?.length).toBe(values.length);
  return values.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (found?.[i] ?? NaN))),
    0,
  );
}

describe.each(exportNames())('%s, exported', (name) => {
  const golden = exportGolden(name);

  it.each(Object.keys(golden.files))('as %s', async (variant) => {
    const file = golden.files[variant];
    const found = await states(golden, variant);
    for (const [layer, wanted] of golden.states.entries())
      for (const [pooling, rows] of wanted.entries()) {
        const value = found[layer]?.[pooling];
        if (file?.precision === 'fp32') expect(distance(value, rows)).toBeLessThan(EXACT);
        // Half precision is computed in other steps by the runtime that made the golden values.
        const own = file?.states[layer]?.[pooling];
        if (own === undefined) throw new Error(`no golden state of layer ${layer}`);
        expect(distance(value, own)).toBeLessThan(/f(p)?16/.test(variant) ? HALF : EXACT);
      }
    // How far fewer bits take these tiny random models from themselves; real ones, less.

    expect(file?.cosine).toBeGreaterThan(
      { fp32: 0.999999, fp16: 0.99999, q8: 0.999, q4: 0.95 }[file?.precision ?? 'q4'],
    );
  });
});
