/** The main job: embed, split, fit, evaluate, keep. */
import { HeadlightError, throwIfAborted, type Job } from '../base';
import { predictHead, type Matrix } from '../learning/heads';
import { checkDevice, embedTexts, measureDevices, type Encoder } from '../models';
import type { Device, Platform } from '../platform';
import {
  headDocument,
  jsonBytes,
  type ProbeRecipe,
  type ProbeRecord,
  type FittedSettings,
  type ProbeRun,
  type RunPredictions,
} from '../project';
import { computeBaselines } from './baselines';
import { earlierWords } from './earlier-words';
import type { DeviceChoice, TrainSettings } from './engine';
import type { Encoders } from './encoders';
import { figuresOf, partPredictions } from './figures';
import { headContext } from './head-context';
import type { Prepared } from './prepare';
import type { Projects } from './projects';
import { keepRun, recipeBase, recordBase } from './run-documents';
import { fitProbe, thresholdsOf } from './student-probe';
import { joinable, studentSettings } from './students';
import { teacherBeside } from './teacher-figures';

/** Rows that a device is measured on. */
const MEASURED_ROWS = 48;

export async function* measureOn(
  platform: Platform,
  encoder: Encoder,
  embed: TrainSettings['embed'],
  texts: readonly string[],
  signal?: AbortSignal,
): Job<DeviceChoice> {
  // Evenly spread over the file, so that a file sorted by length or class is measured fairly.
  const step = Math.max(1, Math.floor(texts.length / MEASURED_ROWS));
  const sample = texts.filter((_, index) => index % step === 0).slice(0, MEASURED_ROWS);
  return yield* measureDevices(
    { texts: sample, encoder, embed, runtime: platform.runtime },
    signal,
  );
}

export async function* train(
  platform: Platform,
  projects: Projects,
  encoders: Encoders,
  project: string,
  settings: TrainSettings,
  signal?: AbortSignal,
): Job<ProbeRun> {
  const started = performance.now();
  const prepared = await projects.prepare(project);
  throwIfAborted(signal);
  checkProbeData(prepared);
  const { data, split, record: projectRecord } = prepared;

  const loadStarted = performance.now();
  const encoder = yield* encoders.load(settings.encoder, signal);
  const notes: string[] = [];
  let device: Device;
  if (settings.device === 'auto') {
    const choice = yield* measureOn(platform, encoder, settings.embed, data.texts, signal);
    device = choice.device;
    notes.push(choice.reason);
  } else {
    device = settings.device;
    notes.push(`Runs on ${device}, as asked.`);
    const checked = yield* checkDevice(
      { texts: data.texts, encoder, embed: settings.embed, runtime: platform.runtime },
      device,
      signal,
    );
    if (checked !== null) notes.push(checked);
  }
  const loadSeconds = (performance.now() - loadStarted) / 1000;

  const used = [...split.train, ...split.validation, ...split.test];
  const free = (studentSettings(prepared)?.rounds ?? 0) > 0 ? joinable(prepared) : [];
  const unlabelled = Array.from(free, (place) => prepared.made?.unlabelled.texts[place] ?? '');
  const embedded = yield* embedTexts(
    {
      texts: [...used.map((index) => data.texts[index] ?? ''), ...unlabelled],
      encoder,
      embed: settings.embed,
      device,
      runtime: platform.runtime,
      storage: platform.storage,
      scope: project,
      peers: platform.peers,
    },
    signal,
  );
  if (embedded.truncated > 0) {
    notes.push(
      `${embedded.truncated} of ${used.length + unlabelled.length} texts are longer than ${settings.embed.maxTokens} tokens and were cut.`,
    );
  }

  const { columns } = embedded.features;
  const testFrom = split.train.length + split.validation.length;
  const features = {
    train: rowsOf(embedded.features, 0, split.train.length),
    validation: rowsOf(embedded.features, split.train.length, testFrom),
    test: rowsOf(embedded.features, testFrom, used.length),
    unlabelled: rowsOf(embedded.features, used.length, used.length + unlabelled.length),
  };

  const context = await headContext(platform, device);
  const fitStarted = performance.now();
  const { head, calibration, report, rounds, ...student } = yield* fitProbe(
    prepared,
    features,
    settings.head,
    context,
    signal,
  );
  notes.push(...student.notes);
  const fitSeconds = (performance.now() - fitStarted) / 1000;

  const evaluateStarted = performance.now();
  const predicted = (part: 'train' | 'validation' | 'test') =>
    partPredictions(prepared, split[part], predictHead(head, features[part]));
  const teacher = teacherBeside(prepared, predicted('test'), thresholdsOf(head));
  const predictions: RunPredictions = {
    train: predicted('train'),
    validation: split.validation.length === 0 ? null : predicted('validation'),
    test: predicted('test'),
    ...teacher.predictions,
  };
  const metrics = figuresOf(prepared, predictions, thresholdsOf(head));
  const base = recipeBase(prepared, projectRecord, encoder, device);
  const earlier =
    settings.baselines === false
      ? null
      : await earlierWords(projects, project, base, platform.versions);
  const baselines =
    settings.baselines === false
      ? null
      : yield* computeBaselines(prepared, features, metrics, earlier, signal);
  const evaluateSeconds = (performance.now() - evaluateStarted) / 1000;
  throwIfAborted(signal);

  const recipe: ProbeRecipe = {
    ...base,
    method: 'probe',
    task: probeTask(prepared),
    embed: settings.embed,
    head: settings.head,
  };
  const record: ProbeRecord = {
    ...recordBase(prepared, recipe),
    ...teacher.record,
    ...(rounds === null ? {} : { student: { rounds } }),
    method: 'probe',
    task: recipe.task,
    encoder: {
      ...recipe.encoder,
      ...recipe.embed,
      device,
      architecture: encoder.info.architecture,
      hidden_size: columns,
      notes,
    },
    head: { ...settings.head, fit: report } as FittedSettings,
    calibration,
    metrics,
    baselines,
    timing: {
      load_seconds: loadSeconds,
      embed_seconds: embedded.seconds,
      fit_seconds: fitSeconds,
      evaluate_seconds: evaluateSeconds,
      total_seconds: (performance.now() - started) / 1000,
      texts_embedded: embedded.embedded,
      texts_from_cache: embedded.fromCache,
      texts_per_second: embedded.textsPerSecond,
    },
    environment: platform.versions,
  };
  return keepRun(projects, project, {
    recipe,
    record,
    head: jsonBytes(headDocument(head, recipe)),
    model: null,
    predictions,
  });
}

function probeTask({ data }: Prepared): ProbeRecipe['task'] {
  return data.targets === null ? 'classification' : 'multi_label';
}

/** @throws HeadlightError `bad-setting` for data that a probe, one vector a text, cannot learn. */
export function checkProbeData({ task, data }: Prepared): void {
  if (task === 'token_classification') {
    throw new HeadlightError('bad-setting', 'A probe gives one class a text, not one a word.', {
      hint: 'Fine-tune the encoder: that gives each word a tag.',
    });
  }
  if (data.pairs !== null) {
    throw new HeadlightError('bad-setting', 'A probe reads one text a row, not a pair.', {
      hint: 'Fine-tune the encoder on the pairs, or choose no second text.',
    });
  }
}

export function rowsOf(features: Matrix, from: number, to: number): Matrix {
  const { columns, data } = features;
  return { rows: to - from, columns, data: data.subarray(from * columns, to * columns) };
}
