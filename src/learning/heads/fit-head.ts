/** Any head by its settings, and what it says of features: what a study or a run calls. */
import type { Job } from '../../base';
import { fitLogistic } from './fit';
import { fitMlp } from './fit-mlp';
import { fitOneVsRest, type MultiLabelContext } from './one-vs-rest';
import { predictProbabilities } from './predict';
import { predictMlp } from './predict-mlp';
import { predictMultiLabel } from './predict-multi-label';
import type {
  FittedHead,
  FittedMlp,
  FittedMultiLabel,
  Head,
  HeadSettings,
  Matrix,
  Targets,
} from './types';

/** @throws HeadlightError as `fitLogistic`, `fitOneVsRest` and `fitMlp`. */
export async function* fitHead(
  features: Matrix,
  targets: Targets,
  classes: readonly string[],
  settings: HeadSettings,
  context: MultiLabelContext,
  signal?: AbortSignal,
): Job<FittedHead | FittedMultiLabel | FittedMlp> {
  if (settings.type === 'mlp')
    return yield* fitMlp(features, targets, classes, settings, context, signal);
  if (targets.kind === 'multi_label')
    return yield* fitOneVsRest(features, targets.targets, classes, settings, context, signal);
  return yield* fitLogistic(features, targets.labels, classes, settings, context, signal);
}

/** Probabilities, [rows, classes] row-major, of any head; rows sum to 1 when a row has one class. */
export function predictHead(head: Head, features: Matrix): Float64Array {
  if (!('type' in head)) return predictProbabilities(head, features);
  if (head.type === 'multi_label') return predictMultiLabel(head, features);
  return predictMlp(head, features);
}
