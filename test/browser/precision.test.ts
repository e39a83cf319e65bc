/**
 * Weights in 16 and 4 bits in the page: on WASM and on WebGPU the embeddings that the floats give, which they stand
 * for, computed in Node.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { roundedCheckpoint } from '../../src/models';
import {
  checkpointOf,
  openEncoderModel,
  safetensorsWeights,
  tensorWeights,
} from '../../src/models/encoders';
import { harnessOfThisFile } from '../helpers/harness-scene';
import { runEncoder } from '../unit/encoders/run';

const harness = harnessOfThisFile();
const folder = new URL('../reference/architectures/', import.meta.url);
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));

const IDS = [
  [3, 5, 7, 9, 4, 2],
  [3, 8, 6, 2, 1, 1],
];
const MASK = [
  [1, 1, 1, 1, 1, 1],
  [1, 1, 1, 1, 0, 0],
];
const OUTPUT = { layer: 2, pooling: 'mean', normalize: true } as const;

describe.each(['wasm', 'webgpu'] as const)('on %s', (device) => {
  test.each(
    (['roberta', 'deberta-v2', 'modernbert'] as const).flatMap((name) =>
      (['fp16', 'q8', 'q4'] as const).map((precision) => [name, precision] as const),
    ),
  )('%s in %s', async (name, precision) => {
    const config = read(`${name}.config.json`);
    const weights = safetensorsWeights(read(`${name}.safetensors`));
    const rounded = roundedCheckpoint(checkpointOf(weights), precision);
    const floats = openEncoderModel({ config, weights: tensorWeights(rounded.tensors) }, 'fp32');
    const expected = (await runEncoder(floats.graph(OUTPUT), IDS, MASK))['embedding']!.flat();
    const feed = (rows: number[][]): unknown => ({
      type: 'int64',
      dims: [2, 6],
      data: rows.flat(),
    });
    const { embedding = [] } = await harness.call<Record<string, number[]>>(
      'runModel',
      Buffer.from(openEncoderModel({ config, weights }, precision).graph(OUTPUT)).toString(
        'base64',
      ),
      device,
      { input_ids: feed(IDS), attention_mask: feed(MASK) },
    );
    expect(embedding).toHaveLength(expected.length);
    const worst = Math.max(...embedding.map((value, i) => Math.abs(value - expected[i]!)));
    expect(worst).toBeLessThan(1e-4);
  });
});
