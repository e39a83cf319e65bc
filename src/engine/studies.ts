/** Studies of a probe's run on its kept embeddings: what more rows bring, how much the split matters. */
import { HeadlightError, type Job } from '../base';
import { evaluate, summariseLearningCurve, summariseRepeats } from '../learning/evaluate';
import type { HeadSettings, MultiLabelContext } from '../learning/heads';
import {
  curveRuns,
  learningCurve as curveOf,
  repeatedFits as repeatsOf,
  type CurveSettings,
  type RepeatSettings,
  type Scorer,
  type StudyRows,
} from '../learning/studies';
import type { Platform } from '../platform';
import { choiceOfRecipe, probeRun } from '../project';
import type { Encoders } from './encoders';
import { fitTargets, labelsOf } from './figures';
import { featuresOf } from './features';
import { deviceHere } from './prediction';
import type { Prepared } from './prepare';
import type { Projects } from './projects';
import type { CurveStudy, RepeatStudy } from './report-types';
import { rowsOf, tensorBackend } from './training';

interface Parts {
  readonly platform: Platform;
  readonly projects: Projects;
  readonly encoders: Encoders;
}

const FIGURE = 'accuracy';

export async function* learningCurve(
  parts: Parts,
  project: string,
  run: string,
  settings: CurveSettings,
  signal?: AbortSignal,
): Job<CurveStudy> {
  const study = yield* open(parts, project, run, signal);
  const { split } = study.prepared;
  const train = rowsFrom(study, split.train, 0);
  const test = rowsFrom(study, split.test, split.train.length);
  const curve = yield* curveOf(
    train,
    test,
    study.classes,
    study.head,
    settings,
    study.score,
    study.context,
    signal,
  );
  return { ...curve, summary: summariseLearningCurve(curveRuns(curve, FIGURE)) };
}

export async function* repeatedFits(
  parts: Parts,
  project: string,
  run: string,
  settings: RepeatSettings,
  signal?: AbortSignal,
): Job<RepeatStudy> {
  const study = yield* open(parts, project, run, signal);
  const { split } = study.prepared;
  const every = Int32Array.from([...split.train, ...split.test]);
  const { outOfFold: _, ...fits } = yield* repeatsOf(
    rowsFrom(study, every, 0),
    study.classes,
    study.head,
    settings,
    study.score,
    study.context,
    signal,
  );
  const values = fits.fits.flatMap(({ test }) => {
    const value = test[FIGURE];
    return typeof value === 'number' ? [value] : [];
  });
  const [first] = fits.fits;
  const sizes = first === undefined ? null : { train: first.trainRows, test: first.testRows };
  return { ...fits, method: settings.method, summary: summariseRepeats(values, sizes) };
}

interface Study {
  readonly prepared: Prepared;
  readonly classes: readonly string[];
  readonly head: HeadSettings;
  readonly context: MultiLabelContext;
  /** Of the training rows, then the test rows. */
  readonly features: Parameters<typeof rowsOf>[0];
  readonly score: Scorer;
}

async function* open(
  { platform, projects, encoders }: Parts,
  project: string,
  run: string,
  signal?: AbortSignal,
): Job<Study> {
  const { document } = await projects.store.run(project, run);
  if (document.recipe.method !== 'probe' || document.recipe.task !== 'classification') {
    throw new HeadlightError(
      'bad-setting',
      'Only probes of one class a text are fitted again and again: that takes seconds.',
      { hint: 'Train a probe on this data, and open its report.' },
    );
  }
  const { recipe } = probeRun(document);
  const prepared = await projects.prepare(project, choiceOfRecipe(recipe));
  const { data, split } = prepared;
  const encoder = yield* encoders.load(recipe.encoder, signal);
  const device = await deviceHere(platform, recipe.device);
  const features = yield* featuresOf(
    platform,
    { project, encoder, embed: recipe.embed, device },
    data,
    [...split.train, ...split.test],
    signal,
  );
  const backend = await tensorBackend(platform, device);
  await platform.tensors.use(backend);
  const classes = data.classes;
  return {
    prepared,
    classes,
    head: recipe.head,
    context: { backend },
    features,
    score: (probabilities, targets) =>
      targets.kind === 'labels'
        ? { [FIGURE]: evaluate(probabilities, targets.labels, classes).accuracy }
        : { [FIGURE]: null },
  };
}

function rowsFrom(study: Study, indices: Int32Array, from: number): StudyRows {
  const { prepared, features } = study;
  const { groups } = prepared.data;
  return {
    features: rowsOf(features, from, from + indices.length),
    targets: fitTargets(prepared, indices),
    strata: labelsOf(prepared, indices),
    groups: groups === null ? null : Int32Array.from(indices, (row) => groups[row] ?? -1),
  };
}
