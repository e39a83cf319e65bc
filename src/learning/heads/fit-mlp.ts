/**
 * A head with one hidden layer, trained as scikit-learn's `MLPClassifier` (solver adam, ReLU) trains it:
 * cross-entropy plus `0.5 alpha ||W||² / rows` a batch, Glorot initialisation, batches of min(200, rows)
 * reshuffled every epoch, early stopping on rows held back. One softmax when a row has one class (a single
 * sigmoid for two), a sigmoid a label when it may have several.
 */
import { HeadlightError, ProgressMeter, seededRandom, type Job, type Random } from '../../base';
import type { TensorBackendName } from '../../platform';
import { prepareDesign, type Design } from './design';
import { checkLabels } from './fit';
import { holdOut } from './hold-out';
import { MlpNetwork, weightCount, type MlpShape } from './mlp-network';
import { loadTensorFlow } from './tensorflow';
import { trainMlp, type MlpTraining } from './mlp-training';
import { countTargets } from './multi-label-input';
import { stopping } from './pause';
import { predictMlp } from './predict-mlp';
import { parseMlpSettings } from './settings';
import { DEFAULT_THRESHOLD, tuneThresholds } from './thresholds';
import type { FittedMlp, Matrix, MlpHead, MlpSettings, Targets } from './types';
import {
  checkWeighting,
  classMass,
  outputShares,
  type CheckedWeighting,
  type Weighting,
} from './weighting';

export interface MlpContext {
  /** The tfjs backend that is current (see `TensorBackends.use`). */
  readonly backend: TensorBackendName;
  /** For several labels a row: where thresholds are tuned; without it every threshold is 0.5. */
  readonly validation?: { readonly features: Matrix; readonly targets: Uint8Array };
  /** Weights of the rows (`sample_weight` of `MLPClassifier.fit`), soft labels. */
  readonly weighting?: Weighting;
}

/**
 * @param features [rows, columns].
 * @throws HeadlightError `bad-labels`, `bad-setting`, `device` for features that are not finite or a
 *   training that diverges, `aborted`.
 */
export async function* fitMlp(
  features: Matrix,
  targets: Targets,
  classes: readonly string[],
  settings: MlpSettings,
  context: MlpContext,
  signal?: AbortSignal,
): Job<FittedMlp> {
  const started = performance.now();
  const asked = parseMlpSettings(settings);
  const { rows, columns } = features;
  const several = targets.kind === 'multi_label';
  const given = checkWeighting(context.weighting, rows, classes.length, several);
  if (targets.kind === 'labels') {
    checkLabels(features, targets.labels, classes, (known) =>
      classMass(known, classes.length, given),
    );
  } else countTargets(targets.targets, rows, classes);
  const pause = stopping(signal);
  await pause();

  const meter = new ProgressMeter('Fitting the probe', 'epochs', asked.max_iter);
  const notes: string[] = [];
  const random = seededRandom(asked.seed);
  const design = prepareDesign(features, asked.standardize, given.weights);
  await pause();
  const outputs = several || classes.length > 2 ? classes.length : 1;
  const shape: MlpShape = {
    features: columns,
    hidden: asked.hidden,
    outputs,
    output: several || outputs === 1 ? 'sigmoid' : 'softmax',
  };
  const start = glorot(shape, random);
  const parts = asked.early_stopping
    ? holdOut(targets, rows, classes.length, asked.validation_fraction, random)
    : null;
  if (asked.early_stopping && parts === null) {
    notes.push(
      `${rows} training rows are too few to hold some back: it trains for as long as its loss falls.`,
    );
  }
  yield meter.at(0, notes[0]);
  await pause();

  await loadTensorFlow();
  const network = new MlpNetwork(shape, start);
  try {
    const training = trainMlp(
      network,
      {
        x: asked.standardize ? design.centred : features.data,
        y: targetMatrix(targets, rows, outputs, given),
        weights: given.weights,
        columns,
        outputs,
        train: parts?.train ?? Int32Array.from({ length: rows }, (_, row) => row),
        validation: parts?.validation ?? null,
        multiLabel: several,
      },
      asked,
      (order) => random.shuffle(order),
      pause,
    );
    let step = await training.next();
    while (!step.done) {
      yield meter.at(step.value.epoch);
      step = await training.next();
    }
    const result = step.value;
    if (!result.converged) {
      notes.push(
        `The probe stopped after ${result.lossCurve.length} epochs while it was still getting better; ` +
          'raise max_iter or learning_rate.',
      );
    }
    let head = headOf(await network.weights(), shape, classes, several, design);
    if (head.thresholds !== null && context.validation !== undefined) {
      const { features: held, targets: truth } = context.validation;
      const tuned = tuneThresholds(predictMlp(head, held), truth, classes);
      notes.push(...tuned.notes);
      head = { ...head, thresholds: tuned.thresholds };
    }
    yield meter.at(asked.max_iter, endNote(result, notes));
    return {
      head,
      report: {
        lossCurve: result.lossCurve,
        validationScores: result.validationScores,
        epochs: result.lossCurve.length,
        converged: result.converged,
        notes,
        backend: context.backend,
        seconds: (performance.now() - started) / 1000,
      },
    };
  } finally {
    network.dispose();
  }
}

function endNote({ lossCurve, bestEpoch }: MlpTraining, notes: readonly string[]): string {
  const epochs = `${lossCurve.length} epoch${lossCurve.length === 1 ? '' : 's'}`;
  const kept = bestEpoch === null ? '' : `, the best was epoch ${bestEpoch}`;
  return [`Trained for ${epochs}${kept}.`, ...notes].join(' ');
}

/** `glorot_uniform` with scikit-learn's factor for ReLU; biases too. [W1, W2, b1, b2]. */
export function glorot(shape: MlpShape, random: Random): Float32Array {
  const { features, hidden, outputs } = shape;
  const weights = new Float32Array(weightCount(shape));
  const first = Math.sqrt(6 / (features + hidden));
  const second = Math.sqrt(6 / (hidden + outputs));
  const lengths = [
    { length: features * hidden, bound: first },
    { length: hidden * outputs, bound: second },
    { length: hidden, bound: first },
    { length: outputs, bound: second },
  ];
  let at = 0;
  for (const { length, bound } of lengths)
    for (let i = 0; i < length; i++, at++) weights[at] = (2 * random.next() - 1) * bound;
  return weights;
}

/** 0/1, or shares: [rows, outputs]. */
function targetMatrix(
  targets: Targets,
  rows: number,
  outputs: number,
  { soft }: CheckedWeighting,
): Float32Array {
  if (soft !== null) {
    const isOne = targets.kind === 'labels' && outputs === 1;
    return Float32Array.from(isOne ? outputShares(soft, 2) : soft);
  }
  if (targets.kind === 'multi_label') return Float32Array.from(targets.targets);
  const y = new Float32Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    const label = targets.labels[row]!;
    if (outputs === 1) y[row] = label;
    else y[row * outputs + label] = 1;
  }
  return y;
}

function headOf(
  weights: Float32Array,
  { features, hidden, outputs }: MlpShape,
  classes: readonly string[],
  multiLabel: boolean,
  { scaler }: Design,
): MlpHead {
  if (!weights.every(Number.isFinite)) {
    throw new HeadlightError('device', 'Fitting the probe gave numbers that are not finite.', {
      hint: 'Lower learning_rate, standardise the features, or choose another device.',
    });
  }
  const ends = [features * hidden, hidden * outputs, hidden, outputs];
  let at = 0;
  const [w1, w2, b1, b2] = ends.map((length) =>
    Float64Array.from(weights.subarray(at, (at += length))),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array];
  return {
    type: 'mlp',
    classes,
    multiLabel,
    features,
    hidden,
    coefs: [w1, w2],
    intercepts: [b1, b2],
    scaler,
    thresholds: multiLabel ? new Float64Array(classes.length).fill(DEFAULT_THRESHOLD) : null,
  };
}
