/**
 * Promise: a linear probe on [CLS] leaves as the stock head of its architecture, exactly, where that head allows it.
 * Held against hidden states of transformers (test/reference/architectures); that transformers loads the folders and
 * gives the same logits shows test/reference/export/load_folds.py.
 */
import { readFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { classifierModelGraph, safetensorsWeights, writeSafetensors } from '../../../src/models';
import { isFoldable, jsonBytes } from '../../../src/project';
import { configOf, folded, FOLDED, probeOf } from '../../helpers/folded-probes';
import { largestDifference } from '../encoders/run';

type Rows = number[][];
interface Golden {
  readonly right: { readonly input_ids: Rows; readonly mask: Rows; readonly states: Rows[][] };
}
const goldenOf = (name: string): Golden =>
  JSON.parse(
    readFileSync(new URL(`../../reference/architectures/${name}.json`, import.meta.url), 'utf8'),
  ) as Golden;
async function logitsOf(graph: Uint8Array, ids: Rows, mask: Rows): Promise<Rows> {
  const session = await InferenceSession.create(graph, { logSeverityLevel: 3 });
  const all: Record<string, Rows> = { input_ids: ids, attention_mask: mask };
  const dims = [ids.length, ids[0]?.length ?? 0];
  const feeds = session.inputNames.map((name) => {
    const rows = all[name] ?? ids.map((row) => row.map(() => 0));
    return [name, new Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), dims)] as const;
  });
  const { data } = (await session.run(Object.fromEntries(feeds)))['logits']!;
  await session.release();
  const size = data.length / ids.length;
  return ids.map((_, row) =>
    Array.from((data as Float32Array).subarray(row * size, (row + 1) * size)),
  );
}

const CLS = { pooling: 'cls', normalize: false, maxTokens: 20 } as const;

describe.each(FOLDED)('%s, layer %i', (name, layer) => {
  const { input_ids: ids, mask, states } = goldenOf(name).right;
  it.each([2, 3, 9])('%i classes: the probe’s own logits', async (classes) => {
    const probe = probeOf(classes);
    const { config, checkpoint } = folded(name, layer, probe);
    const files = {
      config: jsonBytes(config),
      weights: safetensorsWeights(writeSafetensors(checkpoint)),
    };
    const graph = classifierModelGraph(files, { task: 'text', head: 'stock', classes });
    const found = await logitsOf(graph, ids, mask);
    const rows = probe.intercept.length;
    const expected = (states[layer] ?? []).map(([first = []]) =>
      Array.from({ length: rows }, (_, c) =>
        first.reduce((sum, x, i) => sum + x * (probe.coef[c * 16 + i] ?? 0), probe.intercept[c]!),
      ),
    );
    const own = rows === 1 ? found.map(([no = 0, yes = 0]) => [yes - no]) : found;
    // The golden states are rounded to five digits.
    expect(largestDifference(own, expected)).toBeLessThan(2e-4);
    expect(isFoldable(configOf(name), { ...CLS, layer })).toBe(true);
  });
});

describe('what cannot be folded', () => {
  it.each([
    ['gpt2', 2, 'a head without a layer to undo'],
    ['gpt_neo', 2, 'a head without a layer to undo'],
    ['modernbert', 4, 'a LayerNorm in the head'],
    ['albert', 0, 'projected embeddings'],
    ['electra', 0, 'projected embeddings'],
  ])('%s, layer %i: %s; it says how it leaves', (name, layer) => {
    expect(isFoldable(configOf(name), { ...CLS, layer })).toBe(false);
    expect(() => folded(name, layer, probeOf(3))).toThrow(
      /does not fit .*ForSequenceClassification/,
    );
    try {
      folded(name, layer, probeOf(3));
    } catch (error) {
      expect((error as { hint: string }).hint).toContain('ONNX');
    }
  });

  it('a mix of layers, which no stock head reads', () => {
    const layerWeights = [0, 1, 1];
    expect(isFoldable(configOf('roberta'), { ...CLS, layer: 2, layerWeights })).toBe(false);
  });
});
