/** A checkpoint's own classifier, opened to answer in the labels of the data. */
import { HeadlightError } from '../base';
import { classifierModel, type ClassGroups, type Encoder, type EncoderInfo } from '../models';
import type { Device, Platform } from '../platform';
import type { OwnRecipe, OwnRecord, RunDocument, Task } from '../project';
import { FinetunedModel } from './finetuned-model';
import type { ClassMatches } from './own-match';

export interface OwnRun extends RunDocument {
  readonly recipe: OwnRecipe;
  readonly record: OwnRecord;
}

/** @throws HeadlightError `bad-setting` when something was trained for this run. */
export function ownRun(run: RunDocument): OwnRun {
  const { recipe, record } = run;
  if (recipe.method === 'own' && record.method === 'own') return { ...run, recipe, record };
  throw new HeadlightError('bad-setting', 'This run trained a classifier of its own.', {
    hint: 'Choose a run of a model’s own classifier.',
  });
}

/** Attention's cost grows with the square; most classifiers were trained on no more. */
const USUAL_LENGTH = 512;

/** How many tokens of a text are read where nothing else is asked for. */
export function usualLength({ maxTokens }: EncoderInfo): number {
  return Math.min(USUAL_LENGTH, maxTokens);
}

/** For each label, by its place among the labels, the classes of the model that mean it. */
export function classGroups(
  matches: ClassMatches,
  labels: readonly string[],
  task: Task,
): ClassGroups {
  return {
    groups: labels.map((label) =>
      matches.flatMap((match, at) => (match.label === label ? [at] : [])),
    ),
    join: task === 'multi_label' ? 'most' : 'any',
  };
}

/**
 * @param labels of the data, in their order.
 * @throws HeadlightError `bad-model` when the weights of its head are missing or do not fit.
 */
export async function openOwnModel(
  platform: Pick<Platform, 'runtime'>,
  encoder: Encoder,
  matches: ClassMatches,
  labels: readonly string[],
  task: Task,
  device: Device,
): Promise<FinetunedModel> {
  const files = new Map(encoder.files.map(({ name, bytes }) => [name, bytes]));
  const config = files.get('config.json');
  if (config === undefined)
    throw new HeadlightError('internal', 'an encoder came without config.json');
  const graph = classifierModel(
    { config, weights: encoder.weights },
    {
      task: task === 'token_classification' ? 'token' : 'text',
      head: 'stock',
      classes: matches.length,
      precision: encoder.info.reference.precision,
      groups: classGroups(matches, labels, task),
    },
    device,
  );
  const shape = { task, head: 'stock', classes: labels.length } as const;
  return FinetunedModel.ofGraph(platform, graph, files, shape, device);
}
