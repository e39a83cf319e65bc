/** Studies of a probe's run on its kept embeddings: what more rows bring, how much the split matters. */
import { HeadlightError, type Job } from '../base';
import {
  evaluate,
  microF1,
  rowCounts,
  summariseLearningCurve,
  summariseRepeats,
} from '../learning/evaluate';
import { DEFAULT_THRESHOLD, type HeadSettings, type MultiLabelContext } from '../learning/heads';
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
import { choiceOfRecipe, probeRun, type ProbeRecipe } from '../project';
import type { Encoders } from './encoders';
import { fitTargets, labelsOf, targetsOf } from './figures';
import { featuresOf } from './features';
import { deviceHere } from './prediction';
import type { Prepared } from './prepare';
import type { Projects } from './projects';
import type { CurveStudy, MainFigure, RepeatStudy } from './report-types';
import { headContext } from './head-context';
import { rowsOf } from './training';

interface Parts {
  readonly platform: Platform;
  readonly projects: Projects;
  readonly encoders: Encoders;
}

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
  const { figure } = study;
  return { ...curve, figure, summary: summariseLearningCurve(curveRuns(curve, figure)) };
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
    const value = test[study.figure];
    return typeof value === 'number' ? [value] : [];
  });
  const [first] = fits.fits;
  const sizes = first === undefined ? null : { train: first.trainRows, test: first.testRows };
  return {
    ...fits,
    figure: study.figure,
    method: settings.method,
    summary: summariseRepeats(values, sizes),
  };
}

interface Study {
  readonly prepared: Prepared;
  readonly classes: readonly string[];
  readonly head: HeadSettings;
  readonly context: MultiLabelContext;
  /** Of the training rows, then the test rows, then the validation rows. */
  readonly features: Parameters<typeof rowsOf>[0];
  readonly figure: MainFigure;
  readonly score: Scorer;
}

async function* open(
  { platform, projects, encoders }: Parts,
  project: string,
  run: string,
  signal?: AbortSignal,
): Job<Study> {
  const { document } = await projects.store.run(project, run);
  if (document.recipe.method !== 'probe') {
    throw new HeadlightError(
      'bad-setting',
      'Only probes are fitted again and again: that takes seconds.',
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
    [...split.train, ...split.test, ...split.validation],
    signal,
  );
  const context = await headContext(platform, device);
  const classes = data.classes;
  const held = targetsOf(prepared, split.validation);
  const validationFrom = split.train.length + split.test.length;
  return {
    prepared,
    classes,
    head: recipe.head,
    // As in the run itself: thresholds are tuned on the validation part, which no fit learns from.
    context:
      held === null || split.validation.length === 0
        ? context
        : {
            ...context,
            validation: {
              features: rowsOf(features, validationFrom, features.rows),
              targets: held,
            },
          },
    features,
    ...scoring(classes, recipe.task),
  };
}

function scoring(
  classes: readonly string[],
  task: ProbeRecipe['task'],
): Pick<Study, 'figure' | 'score'> {
  const figure = task === 'multi_label' ? 'f1_micro' : 'accuracy';
  return {
    figure,
    score: (probabilities, targets, thresholds) => {
      if (targets.kind === 'labels')
        return { [figure]: evaluate(probabilities, targets.labels, classes).accuracy };
      const from = thresholds ?? new Float64Array(classes.length).fill(DEFAULT_THRESHOLD);
      return { [figure]: microF1(rowCounts(probabilities, targets.targets, from)) };
    },
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
