/** The graph puts back the closing token that transformers.js cuts off long texts, and changes nothing else. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { openEncoderModel, tensorWeights } from '../../../src/models';
import { keepClosingToken } from '../../../src/project';
import { tinyConfig, tinyEncoder } from '../../helpers/export-parts';

const SEP = 3;
const MAX = 6;

function graph(): Uint8Array {
  const weights = [...tinyEncoder('bert')].map(
    ([name, tensor]) => [name.slice(5), tensor] as const,
  );
  const files = {
    config: new TextEncoder().encode(JSON.stringify(tinyConfig('bert'))),
    weights: tensorWeights(new Map(weights)),
  };
  return openEncoderModel(files, 'fp32').graph({ layer: 2, pooling: 'cls', normalize: false });
}

async function embed(model: Uint8Array, rows: readonly (readonly number[])[]): Promise<number[]> {
  const session = await InferenceSession.create(model);
  const length = Math.max(...rows.map((row) => row.length));
  const tensor = (value: (id: number | undefined) => number): Tensor =>
    new Tensor(
      'int64',
      BigInt64Array.from(
        rows.flatMap((row) => Array.from({ length }, (_, at) => BigInt(value(row[at])))),
      ),
      [rows.length, length],
    );
  const { embedding } = await session.run({
    input_ids: tensor((id) => id ?? 0),
    attention_mask: tensor((id) => (id === undefined ? 0 : 1)),
  });
  await session.release();
  return [...(embedding!.data as Float32Array)];
}

it('a text that was cut without it, one that has it, and a shorter one', async () => {
  const model = graph();
  const repaired = keepClosingToken(model, { id: SEP, maxTokens: MAX });
  const right = [
    [2, 7, 8, 9, 10, SEP],
    [2, 9, 8, 7, 6, SEP],
    [2, 7, SEP],
  ];
  const cut = [[2, 7, 8, 9, 10, 11], ...right.slice(1)];
  const expected = await embed(model, right);
  expect(await embed(repaired, cut)).toEqual(expected);
  expect(await embed(repaired, right)).toEqual(expected);
  expect(await embed(model, cut)).not.toEqual(expected);
});
