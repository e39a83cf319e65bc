/** Every architecture trained in the page, as in `test/reference/architectures/make.py`. */
import { openTrainableModel, safetensorsWeights } from '../../../../src/models';
import type { Device, Platform } from '../../../../src/platform';
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
