/** Trains an MLP probe from given weights in a given order, on the tfjs backend that is current. Runs anywhere. */
import { MlpNetwork } from '../../src/learning/heads/mlp-network';
import { loadTensorFlow } from '../../src/learning/heads/tensorflow';
import { trainMlp } from '../../src/learning/heads/mlp-training';
import { DEFAULT_MLP, type MlpSettings } from '../../src/learning/heads/types';

export interface GivenTraining {
  readonly columns: number;
  readonly outputs: number;
  readonly isSoftmax: boolean;
  readonly settings: Pick<MlpSettings, 'hidden' | 'alpha' | 'learning_rate' | 'batch_size'>;
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** `sample_weight`; absent: alike. */
  readonly weights?: readonly number[];
  readonly start: readonly number[];
  /** The rows of each epoch. */
  readonly orders: readonly (readonly number[])[];
}

/** @returns the loss of each epoch and the weights at the end, [W1, W2, b1, b2]. */
export async function finishTraining(
  given: GivenTraining,
): Promise<{ lossCurve: number[]; weights: number[] }> {
  const { columns, outputs, settings, orders } = given;
  await loadTensorFlow();
  const network = new MlpNetwork(
    {
      features: columns,
      hidden: settings.hidden,
      outputs,
      output: given.isSoftmax ? 'softmax' : 'sigmoid',
    },
    Float32Array.from(given.start),
  );
  try {
    let epoch = 0;
    const training = trainMlp(
      network,
      {
        x: Float32Array.from(given.x),
        y: Float32Array.from(given.y),
        weights: given.weights === undefined ? null : Float64Array.from(given.weights),
        columns,
        outputs,
        train: Int32Array.from({ length: given.x.length / columns }, (_, row) => row),
        validation: null,
        multiLabel: !given.isSoftmax,
      },
      { ...DEFAULT_MLP, ...settings, max_iter: orders.length },
      (order) => {
        order.set(orders[epoch] ?? []);
        epoch += 1;
      },
      () => Promise.resolve(),
    );
    let step = await training.next();
    while (!step.done) step = await training.next();
    return { lossCurve: [...step.value.lossCurve], weights: Array.from(await network.weights()) };
  } finally {
    network.dispose();
  }
}
