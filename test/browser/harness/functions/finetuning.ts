/** Fine-tuning in the browser, for speed (bench/finetune). */
import type { Platform } from '../../../../src/platform';
import { createWebPlatform } from '../../../../src/platform/web';
import { timeSteps, type StepConfig, type StepTime } from '../../../../bench/finetune/steps';

let made: Promise<Platform> | null = null;
const platform = (): Promise<Platform> => (made ??= createWebPlatform());

export async function timeTrainingSteps(config: StepConfig): Promise<StepTime> {
  const { runtime } = await platform();
  return timeSteps(runtime, config);
}
