/**
 * All probes of one cell, fitted together: they share the features of its layer and pooling. Linear ones go through
 * products that all of them share; MLPs of one shape step together, each on its own batches.
 *
 * Features are used as they are, neither standardised nor scaled, as SentEval uses them: the figures are then those of
 * scikit-learn and PyTorch on the same features.
 */
import { HeadlightError, ProgressMeter, type Job } from '../../base';
import type { TensorBackendName } from '../../platform';
import { checkFinite, loadTensorFlow, stopping, type Matrix } from '../heads';
import { checkRequest, type CheckedRequest } from './check-request';
import { fitLinearCell } from './linear-cell';
import { fitMlpCell, type MlpRequest } from './mlp-cell';
import type { ProbeFit, ProbeRequest } from './types';

export interface CellContext {
  /** The tfjs backend that is current (see `TensorBackends.use`), and stays it. */
  readonly backend: TensorBackendName;
}

/**
 * @param features [rows, columns] of the cell; rows of the requests are indices into it.
 * @returns a fit for each request, in their order.
 * @throws HeadlightError `bad-labels` for a request without training rows, `bad-setting` for a family that cannot be
 *   fitted, `device` for features that are not finite or a fit that diverges, `aborted`.
 */
export async function* fitCell(
  features: Matrix,
  requests: readonly ProbeRequest[],
  context: CellContext,
  signal?: AbortSignal,
): Job<readonly ProbeFit[]> {
  const pause = stopping(signal);
  await pause();
  const checked = requests.map((request) => checkRequest(request, features.rows));
  checkFinite(features);
  await loadTensorFlow();
  const fits = Array.from<ProbeFit | null>({ length: requests.length }).fill(null);
  const meter = new ProgressMeter('Fitting the probes', 'probes', requests.length);
  yield meter.at(0);
  const linear: { readonly at: number; readonly checked: CheckedRequest }[] = [];
  const mlps: MlpRequest[] = [];
  for (const [at, one] of checked.entries()) {
    const { family } = one.request;
    if (family.kind === 'linear') linear.push({ at, checked: one });
    else mlps.push({ at, checked: one, family });
  }
  const kinds = [
    {
      places: linear,
      job: () =>
        fitLinearCell(
          features,
          linear.map((one) => one.checked),
          context.backend,
          pause,
        ),
    },
    { places: mlps, job: () => fitMlpCell(features, mlps, context.backend, pause) },
  ];
  let done = 0;
  for (const { places, job } of kinds) {
    if (places.length === 0) continue;
    const running = job();
    let step = await running.next();
    while (!step.done) {
      yield meter.at(done + step.value);
      step = await running.next();
    }
    step.value.forEach((fit, i) => (fits[places[i]!.at] = fit));
    done += places.length;
  }
  yield meter.at(requests.length);
  return fits.map((fit) => {
    if (fit === null) throw new HeadlightError('internal', 'A probe was not fitted.');
    return fit;
  });
}
