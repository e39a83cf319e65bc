/** What an encoder's precisions cost and lose on the user's own rows: see `PrecisionEngine`. */
import { HeadlightError, throwIfAborted, toHeadlightError, type Job, type Progress } from '../base';
import { drawRows } from '../data';
import { mcnemar, microF1, pairedMicroF1, rowCounts, type RowCounts } from '../learning/evaluate';
import {
  DEFAULT_LOGISTIC,
  DEFAULT_THRESHOLD,
  fitHead,
  predictHead,
  type LogisticSettings,
  type Matrix,
} from '../learning/heads';
import {
  checkDevice,
  openEmbedder,
  PRECISIONS,
  rowCosines,
  weightBytes,
  withPrecision,
  type EmbedSettings,
  type Encoder,
  type EncoderReference,
} from '../models';
import type { Device, Platform } from '../platform';
import type { Encoders } from './encoders';
import { featuresOf } from './features';
import { fitTargets, labelsOf, targetsOf } from './figures';
import { adviceOf } from './precision-advice';
import type {
  ComparedPrecision,
  PrecisionComparison,
  PrecisionSettings,
  ProbeDifference,
} from './precision-types';
import { deviceHere } from './prediction';
import type { Prepared } from './prepare';
import type { Projects } from './projects';
import { argmax } from './text-rows';
import { headContext } from './head-context';
import { measureOn, rowsOf } from './training';

/** Timed, in batches as they are embedded. */
const TIMED_TEXTS = 32;
const TIMED_PASSES = 3;
/** Rows below which neither half says anything. */
const LEAST_ROWS = 8;

interface Parts {
  readonly platform: Platform;
  readonly projects: Projects;
  readonly encoders: Encoders;
}

export async function* comparePrecisions(
  { platform, projects, encoders }: Parts,
  project: string,
  reference: EncoderReference,
  embed: EmbedSettings,
  settings: PrecisionSettings,
  signal?: AbortSignal,
): Job<PrecisionComparison> {
  const prepared = await projects.prepare(project);
  const drawn = drawHalves(prepared, settings);
  const texts = [...drawn.learned, ...drawn.tested].map((row) => prepared.data.texts[row] ?? '');
  const loaded = yield* encoders.load(reference, signal);
  const made = precisionsOf(loaded);
  const [exact] = made;
  if (exact === undefined || made.length === 1)
    throw new HeadlightError(
      'bad-setting',
      `${loaded.info.name} is there in ${loaded.info.reference.precision} only: there is nothing to compare it with.`,
      {
        hint: 'Add the model from its original checkpoint (model.safetensors or pytorch_model.bin).',
      },
    );
  const device = yield* chosenDevice(platform, exact, embed, texts, settings.device, signal);
  const notes: string[] = [];
  const compared: ComparedPrecision[] = [];
  let first: Outcome | null = null;
  for (const [index, encoder] of made.entries()) {
    throwIfAborted(signal);
    const { precision } = encoder.info.reference;
    yield step(index, made.length, `${precision}: embedding ${texts.length} texts.`);
    const checked = yield* deviceFor(platform, encoder, embed, texts, device, signal);
    if (checked.note !== null) notes.push(checked.note);
    const source = { project, encoder, embed, device: checked.device };
    const rows = [...drawn.learned, ...drawn.tested];
    const features = yield* featuresOf(platform, source, prepared.data, rows, signal);
    const probe: Probed | null = yield* probed(
      platform,
      prepared,
      drawn,
      features,
      first,
      checked.device,
      signal,
    );
    const cosines = first === null ? null : rowCosines(features, first.features);
    compared.push({
      precision,
      bytes: weightBytes(encoder) ?? 0,
      meanCosine: cosines && cosines.reduce((sum, one) => sum + one, 0) / cosines.length,
      leastCosine: cosines && cosines.reduce((least, one) => Math.min(least, one), 1),
      value: probe?.value ?? null,
      against: differs(probe, first?.probe ?? null),
      millisecondsPerText: await timePerText(platform, source, texts, signal),
      device: checked.device,
    });
    first ??= { features, probe };
  }
  yield step(made.length, made.length);
  const measured = {
    encoder: loaded.info.reference,
    embed,
    device,
    seed: settings.seed,
    reference: exact.info.reference.precision,
    rows: texts.length,
    learnedRows: drawn.learned.length,
    testedRows: drawn.tested.length,
    figure: figureOf(prepared),
    precisions: compared,
    notes,
  };
  return { ...measured, ...adviceOf(measured) };
}

interface Halves {
  readonly learned: Int32Array;
  readonly tested: Int32Array;
}

/** Rows of the training part alone: what is chosen by them has not seen the test part. */
function drawHalves(
  { data, split }: Prepared,
  { rows, seed }: Pick<PrecisionSettings, 'rows' | 'seed'>,
): Halves {
  if (!Number.isInteger(rows) || rows < LEAST_ROWS)
    throw new HeadlightError('bad-setting', `Precisions are not compared on ${rows} rows.`, {
      hint: `Choose ${LEAST_ROWS} or more; some hundred say something.`,
    });
  const labelOf = (row: number): number => data.labels[row] ?? 0;
  const textOf = (row: number): string => data.texts[row] ?? '';
  const { drawn } = drawRows(split.train, labelOf, rows, seed);
  // Copies of a text stay in one half, or the probe would be tested on what it has learned.
  const halves = drawRows(drawn, labelOf, Math.ceil(drawn.length / 2), seed, textOf);
  if (halves.drawn.length < LEAST_ROWS / 2 || halves.rest.length < LEAST_ROWS / 2)
    throw new HeadlightError('bad-table', 'There are too few training rows to compare on.', {
      hint: 'Use more rows, or a larger training share.',
    });
  return { learned: halves.drawn, tested: halves.rest };
}

/** The encoder in every precision that can be made, the most exact first. */
function precisionsOf(encoder: Encoder): readonly Encoder[] {
  return PRECISIONS.flatMap(({ precision }) => {
    try {
      return [withPrecision(encoder, precision)];
    } catch (error) {
      const { code } = toHeadlightError(error);
      if (code !== 'bad-setting') throw error;
      return [];
    }
  });
}

async function* chosenDevice(
  platform: Platform,
  encoder: Encoder,
  embed: EmbedSettings,
  texts: readonly string[],
  wanted: Device | 'auto',
  signal: AbortSignal | undefined,
): Job<Device> {
  if (wanted !== 'auto') return deviceHere(platform, wanted);
  return (yield* measureOn(platform, encoder, embed, texts, signal)).device;
}

/** A GPU that computes this precision wrongly is not used for it, and that is said. */
async function* deviceFor(
  { runtime }: Platform,
  encoder: Encoder,
  embed: EmbedSettings,
  texts: readonly string[],
  device: Device,
  signal: AbortSignal | undefined,
): Job<{ readonly device: Device; readonly note: string | null }> {
  try {
    yield* checkDevice({ texts, encoder, embed, runtime }, device, signal);
    return { device, note: null };
  } catch (error) {
    const problem = toHeadlightError(error);
    const others = await runtime.devices();
    const processor = others.find((one) => one.device === 'wasm' || one.device === 'cpu');
    if (problem.code !== 'device' || processor === undefined || processor.device === device)
      throw error;
    const { precision } = encoder.info.reference;
    return {
      device: processor.device,
      note: `${precision} ran on ${processor.label}: ${problem.message}`,
    };
  }
}

interface Probed {
  readonly value: number;
  /** The penalty that cross-validation chose. */
  readonly C: number | null;
  /** One class a row. */
  readonly right: readonly boolean[] | null;
  /** Several labels a row. */
  readonly counts: RowCounts | null;
}

interface Outcome {
  readonly features: Matrix;
  readonly probe: Probed | null;
}

function figureOf({ task, data }: Prepared): PrecisionComparison['figure'] {
  if (task === 'token_classification' || data.pairs !== null) return null;
  return task === 'multi_label' ? 'f1_micro' : 'accuracy';
}

/** A probe on one half, tested on the other. All learn with the penalty that was chosen for the first. */
async function* probed(
  platform: Platform,
  prepared: Prepared,
  { learned, tested }: Halves,
  features: Matrix,
  first: Outcome | null,
  device: Device,
  signal: AbortSignal | undefined,
): Job<Probed | null> {
  if (figureOf(prepared) === null) return null;
  const context = await headContext(platform, device);
  const { classes } = prepared.data;
  const C = first?.probe?.C ?? DEFAULT_LOGISTIC.C;
  const settings: LogisticSettings = { ...DEFAULT_LOGISTIC, C };
  const train = rowsOf(features, 0, learned.length);
  const test = rowsOf(features, learned.length, features.rows);
  const { head, report } = yield* fitHead(
    train,
    fitTargets(prepared, learned),
    classes,
    settings,
    context,
    signal,
  );
  const probabilities = predictHead(head, test);
  const targets = targetsOf(prepared, tested);
  if (targets !== null) {
    const thresholds = new Float64Array(classes.length).fill(DEFAULT_THRESHOLD);
    const counts = rowCounts(probabilities, targets, thresholds);
    return { value: microF1(counts), C: null, right: null, counts };
  }
  const right = Array.from(labelsOf(prepared, tested), (label, at) => {
    const row = probabilities.subarray(at * classes.length, (at + 1) * classes.length);
    return argmax(row) === label;
  });
  const value = right.filter(Boolean).length / right.length;
  return { value, C: 'C' in report ? report.C : null, right, counts: null };
}

function differs(made: Probed | null, exact: Probed | null): ProbeDifference | null {
  if (made === null || exact === null) return null;
  if (made.counts !== null && exact.counts !== null)
    return pairedMicroF1(made.counts, exact.counts);
  return made.right === null || exact.right === null ? null : mcnemar(made.right, exact.right);
}

/** Of the best of a few passes, milliseconds. */
async function timePerText(
  { runtime }: Platform,
  { encoder, embed, device }: { encoder: Encoder; embed: EmbedSettings; device: Device },
  texts: readonly string[],
  signal: AbortSignal | undefined,
): Promise<number> {
  const some = texts.slice(0, TIMED_TEXTS);
  const embedder = await openEmbedder({ encoder, embed, device, runtime });
  try {
    let best = Infinity;
    for (let pass = 0; pass < TIMED_PASSES; pass++) {
      const before = performance.now();
      await embedder.embed(some, signal);
      best = Math.min(best, performance.now() - before);
    }
    return best / some.length;
  } finally {
    await embedder.close();
  }
}

function step(done: number, total: number, note?: string): Progress {
  return {
    phase: 'Comparing precisions',
    done,
    total,
    unit: 'precisions',
    rate: null,
    secondsLeft: null,
    ...(note === undefined ? {} : { note }),
  };
}
