/**
 * Likely wrong labels of a project: every labelled row is judged by probes that have not seen it, training, validation
 * and test rows alike, and texts that the encoder takes for the same are held against each other. What is trained
 * here is thrown away: a run's figures are touched by nothing but the labels that a person mends.
 */
import { HeadlightError, throwIfAborted, type Job } from '../base';
import { DEFAULT_OUT_OF_FOLD, outOfFold } from '../learning/heads';
import { findLabelIssues } from '../learning/label-errors';
import type { Platform } from '../platform';
import type { Encoders } from './encoders';
import { featuresOf } from './features';
import { fitTargets } from './figures';
import { alikeRows, judgedRows, listedRows } from './label-errors-found';
import { choiceKey, viewOf } from './label-errors-rows';
import { LabelErrorsStore, type FoundErrors } from './label-errors-store';
import type { LabelErrorSettings, LabelErrorsView } from './label-errors-types';
import type { Projects } from './projects';
import { headContext } from './head-context';
import { checkProbeData, measureOn } from './training';

interface Parts {
  readonly platform: Platform;
  readonly projects: Projects;
  readonly encoders: Encoders;
}

/** @throws HeadlightError `bad-setting`, `bad-labels`, as `featuresOf` and `outOfFold`. */
export async function* labelErrors(
  { platform, projects, encoders }: Parts,
  project: string,
  settings: LabelErrorSettings,
  signal?: AbortSignal,
): Job<LabelErrorsView> {
  const started = performance.now();
  checkSettings(settings);
  const prepared = await projects.prepare(project);
  checkProbeData(prepared);
  const judged = judgedRows(prepared, settings);
  const { data, rows } = judged;
  const encoder = yield* encoders.load(settings.encoder, signal);
  const { embed } = settings;
  const device =
    settings.device === 'auto'
      ? (yield* measureOn(platform, encoder, embed, data.texts, signal)).device
      : settings.device;
  const features = yield* featuresOf(
    platform,
    { project, encoder, embed, device },
    data,
    [...rows],
    signal,
  );
  const context = await headContext(platform, device);
  const targets = fitTargets(prepared, rows);
  const fits = yield* outOfFold(
    features,
    targets,
    data.classes,
    judged.folds,
    DEFAULT_OUT_OF_FOLD,
    context,
    signal,
  );
  const issues = findLabelIssues(fits.probabilities, targets, data.classes.length);
  const alike = yield* alikeRows(features, judged, settings.alike, signal);
  throwIfAborted(signal);
  const found: FoundErrors = {
    kind: 'headlight.label-errors',
    schemaVersion: 1,
    choice: choiceKey(prepared),
    settings,
    at: Date.now(),
    seconds: (performance.now() - started) / 1000,
    ...listedRows(judged, fits, issues),
    ...alike,
  };
  const store = new LabelErrorsStore(platform.storage);
  await store.writeFound(project, found);
  return viewOf(found, prepared, await store.looked(project));
}

function checkSettings({ folds, seed, alike }: LabelErrorSettings): void {
  const wrong = (name: string, what: string): HeadlightError =>
    new HeadlightError('bad-setting', `Likely wrong labels: ${name} ${what}.`);
  if (!Number.isInteger(folds) || folds < 2 || folds > 20)
    throw wrong('folds', 'must be a whole number from 2 to 20');
  if (!Number.isInteger(seed)) throw wrong('seed', 'must be a whole number');
  if (!(alike > 0 && alike < 1)) throw wrong('alike', 'must be above 0 and below 1');
}
