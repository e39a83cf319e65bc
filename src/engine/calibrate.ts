/** Temperature scaling of a probe, fitted on the validation part and folded into the head, so that it leaves with it. */
import { fitTemperature, type FittedTemperature } from '../learning/evaluate';
import { decisionFunction, mlpLogits, type Head, type Matrix } from '../learning/heads';

export interface CalibratedHead {
  readonly head: Head;
  /** null for several labels a row, whose thresholds are tuned instead. */
  readonly calibration: FittedTemperature | null;
}

/**
 * Where the best temperature lies beyond its bounds (every row is right, or the logits say nothing), the head
 * stays as it is; `at_bound` says so.
 * @param labels class index of each validation row.
 */
export function calibrate(head: Head, features: Matrix, labels: Int32Array): CalibratedHead {
  if ('type' in head && (head.type === 'multi_label' || head.multiLabel))
    return { head, calibration: null };
  const logits = 'type' in head ? mlpLogits(head, features) : decisionFunction(head, features);
  const k = head.classes.length;
  const calibration = fitTemperature(logits, labels, k === 2 ? 1 : k);
  if (calibration.at_bound) return { head, calibration };
  const { temperature } = calibration;
  const divided = (values: Float64Array): Float64Array =>
    values.map((value) => value / temperature);
  if (!('type' in head)) {
    const scaled = { ...head, coef: divided(head.coef), intercept: divided(head.intercept) };
    return { head: scaled, calibration };
  }
  const [first, second] = head.coefs;
  const [firstBias, secondBias] = head.intercepts;
  return {
    head: {
      ...head,
      coefs: [first, divided(second)],
      intercepts: [firstBias, divided(secondBias)],
    },
    calibration,
  };
}
