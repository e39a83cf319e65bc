/** Static embeddings: the graph is the mean of the table's rows that numpy computes. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readModel } from '../../../src/graph/onnx';
import {
  buildStaticGraph,
  openEncoderModel,
  quantizeStaticTable,
  staticConfig,
  onnxOf,
  onnxWeights,
} from '../../../src/models/encoders';
import { largestDifference, runEncoder } from './run';

interface Golden {
  vocabSize: number;
  hiddenSize: number;
  table: number[];
  values: number[];
  scales: number[];
  ids: number[][];
  mask: number[][];
  means: number[][];
  normalized: number[][];
}
const golden = JSON.parse(
  readFileSync(new URL('../../reference/encoders/static.json', import.meta.url), 'utf8'),
) as Golden;
const { vocabSize, hiddenSize, ids, mask } = golden;
const table = quantizeStaticTable(Float32Array.from(golden.table), vocabSize, hiddenSize);
const files = {
  config: new TextEncoder().encode(staticConfig(table, 512)),
  weights: onnxWeights(buildStaticGraph(table)),
};

describe('a static encoder', () => {
  it('keeps the table in 8 bits as numpy does, with the scale 0 for tokens that do not count', () => {
    expect(Array.from(table.values)).toEqual(golden.values);
    expect(Array.from(table.scales)).toEqual(golden.scales);
  });

  it('is an ordinary ONNX file that gives unit vectors, special tokens and padding left out', async () => {
    const result = await runEncoder(onnxOf(files.weights), ids, mask);
    expect(Object.keys(result)).toEqual(['sentence_embedding']);
    expect(largestDifference(result['sentence_embedding'] ?? [], golden.normalized)).toBeLessThan(
      1e-6,
    );
    expect(readModel(onnxOf(files.weights)).opsets).toEqual([{ domain: '', version: 17 }]);
  });

  it('opens as an encoder: mean, normalised or not, and with a head', async () => {
    const model = openEncoderModel(files, 'q8');
    const { architecture, layers, maxTokens, parameters } = model;
    expect({ architecture, layers, maxTokens, parameters }).toEqual({
      architecture: 'static',
      layers: 0,
      maxTokens: 512,
      parameters: 72,
    });
    for (const [normalize, expected] of [
      [false, golden.means],
      [true, golden.normalized],
    ] as const) {
      const graph = model.graph({ layer: 0, pooling: 'mean', normalize });
      const found = (await runEncoder(graph, ids, mask))['embedding'] ?? [];
      expect(largestDifference(found, expected)).toBeLessThan(1e-6);
    }
    const head = {
      classes: 1,
      weight: Float32Array.of(1, 2, 3, 4, 5, 6),
      bias: Float32Array.of(7),
    };
    const graph = model.classifierGraph(
      { layer: 0, pooling: 'mean', normalize: false },
      head,
      null,
    );
    const logits = golden.means.map((row) => [
      row.reduce((sum, value, i) => sum + value * (i + 1), 7),
    ]);
    const found = (await runEncoder(graph, ids, mask))['logits'] ?? [];
    expect(largestDifference(found, logits)).toBeLessThan(1e-5);
  });

  it('says what it does not have', () => {
    const model = openEncoderModel(files, 'q8');
    expect(() => model.graph({ layer: 1, pooling: 'mean', normalize: true })).toThrow(/no layer 1/);
    expect(() => model.graph({ layer: 0, pooling: 'cls', normalize: true })).toThrow(
      /"cls" pooling/,
    );
    expect(() => openEncoderModel(files, 'fp32')).toThrow(/8 bits only/);
    const config = new TextEncoder().encode(staticConfig({ ...table, vocabSize: 13 }, 512));
    expect(() => openEncoderModel({ ...files, config }, 'q8')).toThrow(/13 tokens/);
  });
});
