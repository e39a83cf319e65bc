/**
 * All probes of one cell, fitted together: they share the features of its layer and pooling. Linear ones go through
 * products that all of them share; MLPs of one shape step together, each on its own batches.
 *
 * Features are used as they are, neither standardised nor scaled, as SentEval uses them: the figures are then those of
 * scikit-learn and PyTorch on the same features.
 */
import { HeadlightError, ProgressMeter, type Job } from '../../base';
import { checkFinite, kernelsOf, stopping, type HeadContext, type Matrix } from '../heads';
import { checkRequest } from './check-request';
import { fitLinearCell } from './linear-cell';
import { fitMlpCell, type MlpRequest } from './mlp-cell';
import type { ProbeFit, ProbeRequest } from './types';

/**
 * @param features [rows, columns] of the cell; rows of the requests are indices into it.
 * @returns a fit for each request, in their order.
 * @throws HeadlightError `bad-labels` for a request without training rows, `bad-setting` for a family that cannot be
 *   fitted, `device` for features that are not finite or a fit that diverges, `aborted`.
 */
export async function* fitCell(
  features: Matrix,
  requests: readonly ProbeRequest[],
  context: HeadContext,
  signal?: AbortSignal,
): Job<readonly ProbeFit[]> {
  const pause = stopping(signal);
  await pause();
  const checked = requests.map((request) => checkRequest(request, features.rows));
  checkFinite(features);
  const meter = new ProgressMeter('Fitting the probes', 'probes', requests.length);
  yield meter.at(0);
  const linear = checked.filter(({ request }) => request.family.kind === 'linear');
  const mlps = checked.flatMap((one): MlpRequest[] => {
    const { family } = one.request;
    return family.kind === 'mlp' ? [{ checked: one, family }] : [];
  });
  const ofLinear =
    linear.length === 0
      ? []
      : yield* counted(fitLinearCell(features, linear, await kernelsOf(context), pause), meter, 0);
  const ofMlps = yield* counted(
    fitMlpCell(features, mlps, context.backend, pause),
    meter,
    linear.length,
  );
  yield meter.at(requests.length);
  const left = { linear: ofLinear.values(), mlp: ofMlps.values() };
  return checked.map(({ request }) => {
    const { value } = left[request.family.kind].next();
    if (value === undefined) throw new HeadlightError('internal', 'A probe was not fitted.');
    return value;
  });
}

/** @param before probes that were fitted before these. */
async function* counted(
  fitting: AsyncGenerator<number, ProbeFit[], void>,
  meter: ProgressMeter,
  before: number,
): Job<ProbeFit[]> {
  let step = await fitting.next();
  while (step.done !== true) {
    yield meter.at(before + step.value);
    step = await fitting.next();
  }
  return step.value;
}
