/** Which trainer a request gets. */
import { toDevice } from '../../graph/runtime';
import { MOST_SHAPES } from './batches';
import { DeviceTrainer } from './device-trainer';
import { HostTrainer } from './host-trainer';
import type { Trainer, TrainerOptions } from './trainer';
import type { TrainingSet } from './training-set';
import type { FinetuneRequest } from './types';

export type ComputeRequest = Pick<
  FinetuneRequest,
  'model' | 'data' | 'settings' | 'loss' | 'device' | 'threads' | 'runtime'
>;

/**
 * Everything on the device where it can hold tensors between runs (WebGPU in a page); else the optimiser runs
 * on the processor.
 */
export async function openTrainer(request: ComputeRequest, set: TrainingSet): Promise<Trainer> {
  const { model, loss, settings, device, threads, runtime, data } = request;
  const options: TrainerOptions = {
    model,
    loss,
    settings,
    device,
    threads,
    runtime,
    padId: data.padId,
    vocabulary: set.tokenIds(),
    shapes: MOST_SHAPES,
  };
  return (await keepsTensors(request)) ? DeviceTrainer.open(options) : new HostTrainer(options);
}

/** Whether the device can hold tensors between runs: asked with a small one. */
export async function keepsTensors({
  runtime,
  device,
}: Pick<ComputeRequest, 'runtime' | 'device'>): Promise<boolean> {
  const small = { type: 'float32', dims: [4], data: new Float32Array(4) } as const;
  const tensor = await toDevice(runtime, small, device);
  if (!('location' in tensor)) return false;
  tensor.dispose();
  return true;
}
