/**
 * MLP probes, trained as SentEval trains its own (`senteval/tools/classifier.py`, its defaults): Adam at 1e-3, batches
 * of 64 drawn anew each epoch, after every 4 epochs the accuracy on the validation rows; the best weights are kept, and it
 * stops at the sixth time without a better one, or after 200 epochs. No weight decay: capacity is set by units and dropout.
 *
 * Probes of one shape step together, each on a batch of its own, and leave as they are done; but for rounding, company
 * changes no probe. On a GPU these are products of three dimensions. tfjs' WASM backend has no fast ones (ten of 64 x 384 by
 * 384 x 50: 22 ms at once, 2 ms one by one), so there each goes alone.
 *
 * Dropout leaves out hidden units after their activation. The papers' code differs from each other and from this:
 * SentEval's drops sums before the sigmoid, Hewitt & Liang's drops features and the units of the second layer.
 */
import { HeadlightError, seededRandom, type Random } from '../../base';
import type { TensorBackendName } from '../../platform';
import { loadTensorFlow, type Matrix } from '../heads';
import type { CheckedRequest } from './check-request';
import { gatherRows } from './logits';
import { ProbeNetworks, startOf, type NetworkBatch, type NetworkShape } from './mlp-network';
import { fitOf, newScores, scoreLogits, type RowScores } from './score';
import type { ProbeFamily, ProbeFit } from './types';

const BATCH = 64;
const EPOCHS_A_CHECK = 4;
const TENACITY = 5;
const MOST_EPOCHS = 200;
const SCORED_ROWS = 2048;
/** Weights of probes that step together, in all: Adam takes some ten times as much memory for a moment. */
const MOST_WEIGHTS = 4e6;
/** Values of a step's batch, of all that step together. */
const MOST_VALUES = 4e6;
/** Steps until the device is waited for: what was sent to it until then lies in memory. */
const STEPS_A_WAIT = 32;

type MlpFamily = Extract<ProbeFamily, { kind: 'mlp' }>;
type Pause = () => Promise<void>;

export interface MlpRequest {
  readonly checked: CheckedRequest;
  readonly family: MlpFamily;
}

/**
 * @param features as they are, [rows, columns].
 * @yields how many of the requests are fitted, in parts.
 * @returns a fit for each of them, in their order.
 * @throws HeadlightError `device` for a training that diverges, `aborted`.
 */
export async function* fitMlpCell(
  features: Matrix,
  requests: readonly MlpRequest[],
  backend: TensorBackendName,
  pause: Pause,
): AsyncGenerator<number, ProbeFit[], void> {
  if (requests.length > 0) await loadTensorFlow();
  const fits = new Map<MlpRequest, ProbeFit>();
  for (const one of requests)
    if (one.checked.present.length === 1) fits.set(one, fitOnlyClass(features, one.checked));
  const learned = requests.filter((one) => !fits.has(one));
  for (const group of groupsOf(learned, features.columns, backend)) {
    const job = trainGroup(features, group, pause);
    let step = await job.next();
    while (!step.done) {
      yield fits.size + step.value;
      step = await job.next();
    }
    step.value.forEach((fit, i) => fits.set(group[i]!, fit));
  }
  return requests.map((one) => fits.get(one)!);
}

/** Those of one shape, as many at once as the device is quick with. */
function groupsOf(
  requests: readonly MlpRequest[],
  columns: number,
  backend: TensorBackendName,
): MlpRequest[][] {
  const alike = new Map<string, MlpRequest[]>();
  for (const one of requests) {
    const key = JSON.stringify([shapeOf(one, columns), one.family.dropout]);
    alike.set(key, [...(alike.get(key) ?? []), one]);
  }
  return [...alike.values()].flatMap((same) => {
    const shape = shapeOf(same[0]!, columns);
    const values = BATCH * shape.sizes.reduce((sum, size) => sum + size, 0);
    const fitting = Math.floor(Math.min(MOST_WEIGHTS / weightsOf(shape), MOST_VALUES / values));
    const most = backend === 'webgpu' ? Math.max(1, fitting) : 1;
    const count = Math.ceil(same.length / most);
    return Array.from({ length: count }, (_, i) => same.slice(i * most, (i + 1) * most));
  });
}

function shapeOf({ checked, family }: MlpRequest, columns: number): NetworkShape {
  const { hidden, activation } = family;
  return { sizes: [columns, ...hidden, checked.present.length], activation };
}

function weightsOf({ sizes }: NetworkShape): number {
  return sizes.slice(1).reduce((sum, out, i) => sum + (sizes[i]! + 1) * out, 0);
}

/** Where a single class was seen there is nothing to learn. */
function fitOnlyClass(features: Matrix, checked: CheckedRequest): ProbeFit {
  const { train, validation, test } = checked.request.rows;
  const scores = newScores(features.rows, [train, validation, test]);
  const outputs = { width: 0, first: 0, count: 0, intercept: [] };
  for (const rows of [train, validation, test]) scoreLogits(checked, outputs, rows, [], scores);
  return fitOf(checked, scores, null, true);
}

async function* trainGroup(
  features: Matrix,
  group: readonly MlpRequest[],
  pause: Pause,
): AsyncGenerator<number, ProbeFit[], void> {
  const shape = shapeOf(group[0]!, features.columns);
  // They are scored one after the other.
  const parts = group.flatMap(({ checked }) => {
    const { train, validation, test } = checked.request.rows;
    return [train, validation, test];
  });
  const scores = newScores(features.rows, parts);
  const all = group.map((one) => new Training(features, one, shape, scores));
  let open = all;
  const networks = new ProbeNetworks(
    shape,
    all.map(({ start }) => start),
  );
  const share = () => all.reduce((sum, training) => sum + training.share, 0);
  try {
    for (let steps = 1; open.length > 0; steps++) {
      networks.step(batchOf(open, features, shape));
      await pause();
      if (steps % STEPS_A_WAIT === 0) {
        await networks.settle();
        yield share();
      }
      if (!open.some(({ isDue }) => isDue)) continue;
      for (const [at, training] of open.entries())
        if (training.isDue) await training.check(await networks.weights(at), pause);
      const going = [...open.keys()].filter((at) => !open[at]!.isDone);
      if (going.length < open.length && going.length > 0) networks.keep(going);
      open = going.map((at) => open[at]!);
      yield share();
    }
  } finally {
    networks.dispose();
  }
  const fits: ProbeFit[] = [];
  for (const training of all) fits.push(await training.fit(pause));
  return fits;
}

/** The next batch of each, filled up to the longest with rows that count for nothing. */
function batchOf(
  trainings: readonly Training[],
  { columns, data }: Matrix,
  { sizes }: NetworkShape,
): NetworkBatch {
  const batches = trainings.map((training) => training.next());
  const rows = Math.max(...batches.map((batch) => batch.rows.length));
  const outputs = sizes.at(-1)!;
  const x = new Float32Array(batches.length * rows * columns);
  const y = new Float32Array(batches.length * rows * outputs);
  const weights = new Float32Array(batches.length * rows);
  const masks = sizes.slice(1, -1).map((units) => new Float32Array(batches.length * rows * units));
  for (const [at, batch] of batches.entries()) {
    const first = at * rows;
    x.set(gatherRows(data, columns, batch.rows), first * columns);
    weights.fill(1 / batch.rows.length, first, first + batch.rows.length);
    batch.classes.forEach((k, i) => (y[(first + i) * outputs + k] = 1));
    batch.masks?.forEach((mask, layer) => {
      masks[layer]!.set(mask, first * sizes[layer + 1]!);
    });
  }
  return { x, y, rows, weights, masks: batches[0]!.masks === null ? null : masks };
}

/** One probe's way through its training. */
class Training {
  readonly start: Float32Array;
  readonly #features: Matrix;
  readonly #checked: CheckedRequest;
  readonly #family: MlpFamily;
  readonly #shape: NetworkShape;
  readonly #random: Random;
  readonly #scores: RowScores;
  readonly #order: Int32Array;
  /** Of each class its output. */
  readonly #place: Int32Array;
  #taken = 0;
  #epochs = 0;
  #without = 0;
  #best: { readonly right: number; readonly weights: Float32Array } | null = null;

  /** @param scores of all rows that it may score; others may use them in between. */
  constructor(
    features: Matrix,
    { checked, family }: MlpRequest,
    shape: NetworkShape,
    scores: RowScores,
  ) {
    const { request, present } = checked;
    this.#features = features;
    this.#checked = checked;
    this.#family = family;
    this.#shape = shape;
    this.#random = seededRandom(request.seed);
    this.#scores = scores;
    this.#order = request.rows.train.slice();
    this.#place = new Int32Array(request.classes);
    present.forEach((k, at) => (this.#place[k] = at));
    this.start = startOf(shape, this.#random);
  }

  get isDue(): boolean {
    return this.#taken === this.#order.length && this.#epochs % EPOCHS_A_CHECK === 0;
  }

  get isDone(): boolean {
    return this.isDue && (this.#epochs >= MOST_EPOCHS || this.#without > TENACITY);
  }

  /** How much of it is done. */
  get share(): number {
    return this.isDone ? 1 : this.#epochs / MOST_EPOCHS;
  }

  /** Its next batch: rows, their outputs, and of each hidden layer what is left out. */
  next(): { rows: Int32Array; classes: Int32Array; masks: readonly Float32Array[] | null } {
    if (this.#taken === 0 || this.#taken === this.#order.length) {
      this.#random.shuffle(this.#order);
      this.#taken = 0;
    }
    const rows = this.#order.subarray(this.#taken, this.#taken + BATCH);
    this.#taken += rows.length;
    if (this.#taken === this.#order.length) this.#epochs += 1;
    const classes = rows.map((row) => this.#place[this.#checked.request.labels[row]!]!);
    return { rows, classes, masks: masksOf(this.#family, rows.length, this.#random) };
  }

  /** Keeps weights that are the best on the validation rows so far. */
  async check(weights: Float32Array, pause: Pause): Promise<void> {
    const { labels, rows } = this.#checked.request;
    await this.#score(weights, [rows.validation], pause);
    let right = 0;
    for (const row of rows.validation) if (this.#scores.predicted[row] === labels[row]) right += 1;
    if (this.#best === null || right > this.#best.right) this.#best = { right, weights };
    else this.#without += 1;
  }

  async fit(pause: Pause): Promise<ProbeFit> {
    const { name, rows } = this.#checked.request;
    const weights = this.#best?.weights;
    if (!weights?.every(Number.isFinite)) {
      throw new HeadlightError('device', `${name}: the probe's training diverged.`, {
        hint: 'Choose another layer or pooling, a linear probe, or another device.',
      });
    }
    await this.#score(weights, [rows.train, rows.validation, rows.test], pause);
    return fitOf(this.#checked, this.#scores, null, this.#without > TENACITY);
  }

  async #score(weights: Float32Array, parts: readonly Int32Array[], pause: Pause): Promise<void> {
    const width = this.#checked.present.length;
    const outputs = { width, first: 0, count: width, intercept: new Float64Array(width) };
    const network = new ProbeNetworks(this.#shape, [weights]);
    const { columns, data } = this.#features;
    try {
      for (const rows of parts) {
        for (let first = 0; first < rows.length; first += SCORED_ROWS) {
          const own = rows.subarray(first, first + SCORED_ROWS);
          const logits = await network.logits(gatherRows(data, columns, own), own.length);
          scoreLogits(this.#checked, outputs, own, logits, this.#scores);
          await pause();
        }
      }
    } finally {
      network.dispose();
    }
  }
}

/** 0 where a unit is left out, else what keeps the mean as it is. */
function masksOf(
  { hidden, dropout }: MlpFamily,
  rows: number,
  random: Random,
): Float32Array[] | null {
  if (dropout === 0) return null;
  const kept = 1 / (1 - dropout);
  return hidden.map((units) =>
    Float32Array.from({ length: rows * units }, () => (random.next() < dropout ? 0 : kept)),
  );
}
