/**
 * An encoder with a head, as a training graph without weights, gives what transformers gives; LoRA what PEFT
 * gives; and the checkpoints that leave it are theirs.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HeadlightError } from '../../../src/base';
import { GraphBuilder } from '../../../src/graph/onnx';
import {
  defaultLoraTargets,
  openTrainableModel,
  quantizeCheckpoint,
  type TrainableModel,
  type TrainableOptions,
  type TrainMethod,
  safetensorsWeights,
  checkpointOf,
  tensorWeights,
} from '../../../src/models/encoders';
import { largestDifference } from './run';
import { runTrainable } from './run-trainable';

const folder = new URL('../../reference/finetune/', import.meta.url);
type Rows = number[][];
interface Golden {
  text: Rows;
  token: Rows[];
  mean: Rows;
  embedding: Rows;
  decay: string[];
  names: string[];
  tokenNames: string[];
  lora: Rows;
  adapters: Record<string, number[]>;
  merged: { name: string; values: number[] };
}
const golden = JSON.parse(readFileSync(new URL('trainable.json', folder), 'utf8')) as {
  ids: Rows;
  mask: Rows;
  types: Rows;
  classes: number;
} & Record<'bert' | 'distilbert', Golden>;
const { ids, mask, types, classes } = golden;

const FULL: TrainMethod = { name: 'full' };
const OPTIONS: TrainableOptions = {
  task: 'text',
  head: 'stock',
  classes,
  method: FULL,
  dropout: 0,
  seed: 1,
};

describe.each(['bert', 'distilbert'] as const)('%s', (architecture) => {
  const expected = golden[architecture];
  const files = {
    config: readFileSync(new URL(`${architecture}.config.json`, folder)),
    weights: safetensorsWeights(readFileSync(new URL(`${architecture}.safetensors`, folder))),
  };
  const open = (changes: Partial<TrainableOptions> = {}, weights = files.weights): TrainableModel =>
    openTrainableModel({ config: files.config, weights }, { ...OPTIONS, ...changes });
  const lora = (changes: Partial<Extract<TrainMethod, { name: 'lora' }>> = {}): TrainMethod => ({
    name: 'lora',
    rank: 2,
    alpha: 6,
    dropout: 0,
    targets: defaultLoraTargets(architecture),
    base: 'fp32',
    ...changes,
  });
  const adapters = new Map(
    Object.entries(expected.adapters).map(([name, values]) => [name, Float32Array.from(values)]),
  );
  const run = (
    model: TrainableModel,
    table: 'host' | 'graph' = 'graph',
    trained: ReadonlyMap<string, Float32Array> = new Map(),
  ): Promise<Rows> => runTrainable(model, { ids, mask, types }, { table, trained });

  it.each(['host', 'graph'] as const)('the stock head, words from the %s', async (table) => {
    expect(largestDifference(await run(open(), table), expected.text)).toBeLessThan(1e-5);
  });

  it('mean pooling and one linear layer', async () => {
    expect(largestDifference(await run(open({ head: 'mean' })), expected.mean)).toBeLessThan(1e-5);
  });

  it('a class a token', async () => {
    const found = await run(open({ task: 'token' }));
    const wanted = expected.token.map((row) => row.flat());
    expect(largestDifference(found, wanted)).toBeLessThan(1e-5);
  });

  it('a sentence’s embedding', async () => {
    const found = await run(open({ task: 'embedding', classes: 0 }));
    expect(largestDifference(found, expected.embedding)).toBeLessThan(1e-5);
  });

  it('has the parameters of transformers, with the same ones under weight decay', () => {
    const { parameters } = open();
    expect([...parameters.keys()].sort()).toEqual(expected.names);
    const decayed = [...parameters.values()].filter(({ decay }) => decay).map(({ name }) => name);
    expect(decayed.sort()).toEqual(expected.decay);
  });

  it('LoRA without training is the base', async () => {
    const model = open({ method: lora() });
    expect(largestDifference(await run(model), expected.text)).toBeLessThan(1e-5);
  });

  it('LoRA with these adapters is what PEFT computes, merged too', async () => {
    const model = open({ method: lora() });
    const found = await run(model, 'graph', adapters);
    expect(largestDifference(found, expected.lora)).toBeLessThan(1e-5);
    const checkpoint = model.checkpoint(adapters);
    expect([...checkpoint.keys()].sort()).toEqual(expected.names);
    const merged = open({}, tensorWeights(checkpoint));
    expect(largestDifference(await run(merged), expected.lora)).toBeLessThan(1e-5);
    const { name, values } = expected.merged;
    const weight = merged.parameters.get(name)?.values;
    expect(largestDifference([Array.from(weight?.data ?? [])], [values])).toBeLessThan(1e-6);
  });

  it('an adapter holds PEFT’s names and the head', () => {
    const model = open({ method: lora() });
    const names = [...model.adapter(adapters).keys()];
    expect(names.filter((name) => name.includes('lora_')).sort()).toEqual(
      [...adapters.keys()].sort(),
    );
    const dense = architecture === 'bert' ? 'bert.pooler.dense' : 'pre_classifier';
    expect(names.filter((name) => !name.includes('lora_'))).toEqual(
      [dense, 'classifier'].flatMap((part) => [
        `base_model.model.${part}.weight`,
        `base_model.model.${part}.bias`,
      ]),
    );
  });

  it.each(['fp16', 'int8'] as const)('LoRA over a base in %s is the rounded base', async (base) => {
    const model = open({ method: lora({ base }) });
    const rounded = open({}, tensorWeights(model.checkpoint(new Map())));
    for (const table of ['host', 'graph'] as const)
      expect(largestDifference(await run(model, table), await run(rounded))).toBeLessThan(1e-5);
    const apart = largestDifference(await run(model), expected.text);
    expect(apart).toBeGreaterThan(0);
    expect(apart).toBeLessThan(base === 'fp16' ? 5e-3 : 0.1);
  });

  it('trains an 8-bit checkpoint: as floats, and as it is under LoRA', async () => {
    const { tensors } = quantizeCheckpoint(checkpointOf(files.weights));
    const weights = tensorWeights(tensors);
    const full = open({}, weights);
    expect([...full.parameters.values()].every((p) => p.values.precision === 'fp32')).toBe(true);
    const kept = open({ method: lora({ base: 'int8' }) }, weights);
    const original = tensors.get(kept.wordTable);
    const table = kept.parameters.get(kept.wordTable)?.values;
    expect(table?.precision).toBe('int8');
    expect(Array.from(table?.data ?? [])).toEqual(
      Array.from(original?.data ?? [], (byte) => (byte << 24) >> 24),
    );
    expect(largestDifference(await run(kept), await run(full))).toBeLessThan(1e-5);
  });

  it('trains what the method says, and the head', () => {
    const trained = (method: TrainMethod): string[] =>
      [...open({ method }).parameters.values()].filter((p) => p.trainable).map((p) => p.name);
    const head = trained({ name: 'head' });
    expect(head).toHaveLength(4);
    expect(trained(FULL)).toHaveLength(expected.names.length);
    const last = trained({ name: 'last', layers: 1 });
    expect(last).toHaveLength(16 + head.length);
    expect(
      last.filter((name) => !head.includes(name)).every((name) => name.includes('layer.1.')),
    ).toBe(true);
    const bitfit = trained({ name: 'bitfit' }).filter((name) => !head.includes(name));
    expect(bitfit.every((name) => name.endsWith('.bias'))).toBe(true);
    expect(bitfit).toHaveLength(1 + 2 * 8);
    expect(trained(lora()).filter((name) => !head.includes(name))).toHaveLength(2 * 2 * 2);
  });

  it('starts a new head as transformers does: normal weights, no bias, the same for the same seed', () => {
    const bare = new Map(
      [...checkpointOf(files.weights).tensors].filter(([name]) => name.startsWith(architecture)),
    );
    const weights = tensorWeights(bare);
    const classifier = (seed: number): Float32Array =>
      open({ seed, classes: 200 }, weights).parameters.get('classifier.weight')?.values
        .data as Float32Array;
    const first = classifier(1);
    const deviation = Math.sqrt(first.reduce((sum, x) => sum + x * x, 0) / first.length);
    // 3,200 numbers: the deviation is known to 1.25 %, four times that is allowed.
    expect(Math.abs(deviation / 0.02 - 1)).toBeLessThan(0.05);
    expect(classifier(1)).toEqual(first);
    expect(classifier(2)).not.toEqual(first);
  });

  it('refuses what does not fit, saying what does', () => {
    const refusal = (work: () => unknown): string => {
      try {
        work();
      } catch (error) {
        if (error instanceof HeadlightError && error.code === 'bad-setting')
          return `${error.message} ${error.hint ?? ''}`;
        throw error;
      }
      return 'nothing thrown';
    };
    expect(refusal(() => open({ method: { name: 'last', layers: 3 } }))).toContain('from 1 to 2');
    expect(refusal(() => open({ method: lora({ targets: ['k_proj'] }) }))).toContain(
      defaultLoraTargets(architecture)[0],
    );
    expect(refusal(() => open({ task: 'token', head: 'mean' }))).toContain('stock head');
    expect(refusal(() => open().adapter(new Map()))).toContain('LoRA');
    const forward = (model: TrainableModel, tokens: number): unknown =>
      model.forward(new GraphBuilder({ name: 'forward' }), {
        batch: 1,
        tokens,
        training: true,
        table: 'graph',
        device: 'webgpu',
      });
    expect(refusal(() => forward(open(), 13))).toContain('at most 12');
    expect(refusal(() => forward(open({ method: lora({ base: 'fp16' }) }), 8))).toContain('int8');
  });
});
