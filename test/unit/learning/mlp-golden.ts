/** The golden trainings of the MLP probe, as plain numbers that a test hands to Node or to a browser. */
import { finishTraining, type GivenTraining } from '../../helpers/mlp-training';
import { type MlpSettings } from '../../../src/learning/heads';
import { float64, golden, unpackFeatures } from './goldens';

export interface MlpCase {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly classes: number;
  readonly multi_label: boolean;
  readonly settings: Pick<MlpSettings, 'hidden' | 'alpha' | 'learning_rate' | 'batch_size'>;
  readonly features: string;
  readonly targets: readonly number[];
  readonly start: string;
  readonly orders: readonly (readonly number[])[];
  readonly loss_curve: readonly number[];
  readonly end: string;
  readonly probabilities: string;
}

export const mlpCases = (golden('mlp.json') as { cases: MlpCase[] }).cases;

/** Start, data and orders of a golden training. */
export function givenTraining(one: MlpCase): GivenTraining {
  const outputs = one.multi_label || one.classes > 2 ? one.classes : 1;
  const y = new Array<number>(one.rows * outputs).fill(0);
  for (const [at, target] of one.targets.entries()) {
    if (one.multi_label || outputs === 1) y[at] = target;
    else y[at * outputs + target] = 1;
  }
  return {
    columns: one.columns,
    outputs,
    isSoftmax: !one.multi_label && outputs > 1,
    settings: one.settings,
    x: Array.from(unpackFeatures(one).data),
    y,
    start: Array.from(float64(one.start)),
    orders: one.orders,
  };
}

export async function trainGolden(one: MlpCase): ReturnType<typeof finishTraining> {
  return await finishTraining(givenTraining(one));
}
