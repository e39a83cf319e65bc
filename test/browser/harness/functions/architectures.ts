/** Every architecture in the page: trained as in `test/reference/architectures/make.py`, and run at once. */
import { openSession } from '../../../../src/graph/runtime';
import { openTrainableModel, safetensorsWeights, type Precision } from '../../../../src/models';
import { openEncoderModel } from '../../../../src/models/encoders';
import type { Device, Platform, TensorData } from '../../../../src/platform';
import { createWebPlatform } from '../../../../src/platform/web';
import { goldenMethod, goldenTraining, type GoldenSteps } from '../../../helpers/golden-training';

let made: Promise<Platform> | null = null;
const platform = (): Promise<Platform> => (made ??= createWebPlatform());

/**
 * @param weights safetensors, base64.
 * @returns the loss before each step.
 */
export async function trainGolden(
  config: string,
  weights: string,
  golden: GoldenSteps,
  which: 'full' | 'lora',
  device: Device,
  steps: number,
): Promise<number[]> {
  const { runtime } = await platform();
  const files = {
    config: new TextEncoder().encode(config),
    weights: safetensorsWeights(Uint8Array.from(atob(weights), (byte) => byte.charCodeAt(0))),
  };
  const model = openTrainableModel(files, {
    task: 'text',
    head: 'stock',
    classes: golden.classes,
    method: goldenMethod(golden, which),
    dropout: 0,
    seed: 1,
  });
  const { losses } = await goldenTraining(runtime, device, model, golden, which, steps);
  return losses;
}

/** Mean-pooled embeddings of the last layer, by a session made of the graph that is run at once. */
export async function embedAtOnce(
  config: string,
  weights: string,
  precision: Precision,
  device: Device,
  ids: readonly number[][],
  mask: readonly number[][],
): Promise<number[]> {
  const { runtime } = await platform();
  const encoder = openEncoderModel(
    {
      config: new TextEncoder().encode(config),
      weights: safetensorsWeights(Uint8Array.from(atob(weights), (byte) => byte.charCodeAt(0))),
    },
    precision,
  );
  const output = { layer: encoder.layers, pooling: 'mean', normalize: false } as const;
  const session = await openSession(runtime, encoder.graphToRun(output, device), { device });
  const feed = (rows: readonly number[][]): TensorData => ({
    type: 'int64',
    dims: [rows.length, rows[0]?.length ?? 0],
    data: BigInt64Array.from(rows.flat(), BigInt),
  });
  const outputs = await session.run({ input_ids: feed(ids), attention_mask: feed(mask) });
  await session.release();
  return Array.from(outputs['embedding']?.data ?? [], Number);
}
