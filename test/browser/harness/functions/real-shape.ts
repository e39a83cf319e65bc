/** What `real-shape.test.ts` runs in the worker: a model of real size, built, run and compared there. */
import { createWebPlatform } from '../../../../src/platform/web';
import {
  realDifferences,
  type RealDifferences,
  type RealGolden,
} from '../../../helpers/real-shape';

export async function realShape(
  golden: RealGolden,
  device: 'wasm' | 'webgpu',
): Promise<RealDifferences> {
  const { runtime } = await createWebPlatform();
  // WebGPU is a software adapter in tests: there the short text alone.
  return realDifferences(golden, runtime, device, device === 'webgpu' ? 'alone' : 'all');
}
