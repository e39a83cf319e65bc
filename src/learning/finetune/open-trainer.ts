/** Which trainer a request gets. */
import { MOST_SHAPES } from './batches';
import { HostTrainer } from './host-trainer';
import type { Trainer } from './trainer';
import type { TrainingSet } from './training-set';
import type { FinetuneRequest } from './types';

export type ComputeRequest = Pick<
  FinetuneRequest,
  'model' | 'data' | 'settings' | 'loss' | 'device' | 'threads' | 'runtime'
>;

export async function openTrainer(request: ComputeRequest, set: TrainingSet): Promise<Trainer> {
  const { model, loss, settings, device, threads, runtime, data } = request;
  return new HostTrainer({
    model,
    loss,
    settings,
    device,
    threads,
    runtime,
    padId: data.padId,
    vocabulary: set.tokenIds(),
    shapes: MOST_SHAPES,
  });
}
