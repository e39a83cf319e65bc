/**
 * A model's own classifier on the person's data: nothing is trained, its classes are matched to the labels, and it
 * is evaluated and kept as every other run.
 */
import { throwIfAborted, type Job } from '../base';
import type { EncoderReference } from '../models';
import type { Device, Platform } from '../platform';
import type { OwnRecipe, OwnRecord } from '../project';
import { wordsBaselines } from './earlier-words';
import type { Encoders } from './encoders';
import { cutNotes } from './finetune-data';
import { reportOn } from './finetune-report';
import { closing } from './finetuned-model';
import { checkMatches, checkTask, matchNotes, type ClassMatches } from './own-match';
import { openOwnModel, usualLength, type OwnRun } from './own-model';
import type { Projects } from './projects';
import { keepRun, recipeBase, recordBase } from './run-documents';
import { teacherBeside } from './teacher-figures';
import { tokenizeRows } from './tokenize';
import { measureOn } from './training';

export interface OwnChoice {
  readonly encoder: EncoderReference;
  readonly device: Device | 'auto';
  /** What each class of the model means, in their order; null: matched by name. */
  readonly classes: ClassMatches | null;
  /** Longer texts are cut to this many tokens; null: as many as the model reads, 512 at most. */
  readonly max_length: number | null;
  /** Whether words alone are computed beside it; default true. */
  readonly baselines?: boolean;
}

/**
 * @throws HeadlightError `bad-setting` when the encoder has no classifier, one of another kind than the data's
 *   labels, or none of its classes means one of them.
 */
export async function* evaluateOwn(
  platform: Platform,
  projects: Projects,
  encoders: Encoders,
  project: string,
  choice: OwnChoice,
  signal?: AbortSignal,
): Job<OwnRun> {
  const begun = performance.now();
  const prepared = await projects.prepare(project);
  throwIfAborted(signal);
  const { data, split, task } = prepared;
  const loadStarted = performance.now();
  const encoder = yield* encoders.load(choice.encoder, signal);
  const { info } = encoder;
  const own = checkTask(info.name, info.classifier, task);
  const matches = checkMatches(own, data.classes, choice.classes);
  const notes = matchNotes(matches, data.classes, own.task);
  let device: Device;
  if (choice.device === 'auto') {
    const measured = yield* measureOn(platform, encoder, info.defaults, data.texts, signal);
    device = measured.device;
    notes.push(measured.reason);
  } else {
    device = choice.device;
    notes.push(`Runs on ${device}, as asked.`);
  }
  const loadSeconds = (performance.now() - loadStarted) / 1000;

  const maxLength = choice.max_length ?? usualLength(info);
  const tokenizeStarted = performance.now();
  const read = (rows: Int32Array) => tokenizeRows(encoder.tokenizer, data, rows, maxLength, signal);
  const parts = {
    train: { rows: split.train, sequences: yield* read(split.train) },
    validation: { rows: split.validation, sequences: yield* read(split.validation) },
    test: { rows: split.test, sequences: yield* read(split.test) },
  };
  const sequences = Object.values(parts).flatMap((part) => part.sequences);
  notes.push(...cutNotes(data, sequences, maxLength));
  const tokenizeSeconds = (performance.now() - tokenizeStarted) / 1000;

  const evaluateStarted = performance.now();
  const model = await openOwnModel(platform, encoder, matches, data.classes, task, device);
  const figures = yield* closing(model, reportOn(model, prepared, parts, signal));
  const teacher = teacherBeside(
    prepared,
    figures.predictions.test,
    'thresholds' in figures.metrics ? Float64Array.from(figures.metrics.thresholds) : null,
  );
  const recipe: OwnRecipe = {
    ...recipeBase(prepared, prepared.record, encoder, device),
    method: 'own',
    task,
    own: { classes: matches, max_length: maxLength },
  };
  const baselines =
    choice.baselines === false
      ? null
      : yield* wordsBaselines(
          projects,
          project,
          prepared,
          recipe,
          figures.metrics,
          platform.versions,
          signal,
        );
  throwIfAborted(signal);
  const record: OwnRecord = {
    ...recordBase(prepared, recipe),
    ...teacher.record,
    method: 'own',
    task,
    encoder: {
      ...recipe.encoder,
      device,
      architecture: info.architecture,
      hidden_size: info.hiddenSize,
      notes: [...notes, ...figures.notes],
    },
    own: recipe.own,
    metrics: figures.metrics,
    baselines,
    entities: figures.entities,
    timing: {
      load_seconds: loadSeconds,
      tokenize_seconds: tokenizeSeconds,
      evaluate_seconds: (performance.now() - evaluateStarted) / 1000,
      total_seconds: (performance.now() - begun) / 1000,
    },
    environment: platform.versions,
  };
  return keepRun(projects, project, {
    recipe,
    record,
    head: null,
    model: null,
    predictions: { ...figures.predictions, ...teacher.predictions },
  });
}
