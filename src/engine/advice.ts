/**
 * Whether fine-tuning is likely to be worth it: how many rows there are a class, and whether a probe still
 * gains from the second half of them. The embeddings are there already, so it costs seconds.
 */
import { HeadlightError, type Job } from '../base';
import { drawRows } from '../data';
import { evaluate } from '../learning/evaluate';
import { fitLogistic, predictProbabilities, type Matrix } from '../learning/heads';
import type { Platform } from '../platform';
import { choiceOfRecipe, classFigures, probeRun } from '../project';
import type { Encoders } from './encoders';
import type { FinetuneAdvice } from './finetuning-types';
import { featuresOf } from './features';
import { deviceHere } from './prediction';
import type { Projects } from './projects';
import { labelsOf } from './figures';
import { headContext } from './head-context';

const HALF_SEED = 0;
/** Rows a class below which fine-tuning gains on a probe by pairs alone, and from which it usually does. */
const FEW_ROWS = 16;
const MANY_ROWS = 50;
/** Of accuracy: above it there is little left to gain. */
const NEARLY_ALL = 0.98;

export async function* advise(
  platform: Platform,
  projects: Projects,
  encoders: Encoders,
  project: string,
  run: string,
  signal?: AbortSignal,
): Job<FinetuneAdvice> {
  const parts = await projects.store.run(project, run);
  const { recipe, record } = probeRun(parts.document);
  const { head } = record;
  const { accuracy: fullAccuracy } = classFigures(record).test;
  if (head.type === 'mlp' || 'labels' in head.fit) {
    throw new HeadlightError('bad-setting', 'Advice is read off a logistic regression.', {
      hint: 'Train a logistic regression first: it takes seconds.',
    });
  }
  const { fit, ...settings } = head;
  const prepared = await projects.prepare(project, choiceOfRecipe(recipe));
  const { data, split } = prepared;
  const encoder = yield* encoders.load(recipe.encoder, signal);
  const device = await deviceHere(platform, recipe.device);
  const { drawn: half } = drawRows(
    split.train,
    (row) => data.labels[row] ?? -1,
    Math.floor(split.train.length / 2),
    HALF_SEED,
  );
  const used = [...half, ...split.test];
  const features = yield* featuresOf(
    platform,
    { project, encoder, embed: recipe.embed, device },
    data,
    used,
    signal,
  );
  const context = await headContext(platform, device);
  const fitted = yield* fitLogistic(
    slice(features, 0, half.length),
    labelsOf(prepared, half),
    data.classes,
    // The penalty that all rows chose: half of them would not choose a better one.
    { ...settings, C: fit.C },
    context,
    signal,
  );
  const tested = predictProbabilities(fitted.head, slice(features, half.length, used.length));
  const halfAccuracy = evaluate(tested, labelsOf(prepared, split.test), data.classes).accuracy;
  return judge({
    rows: split.train.length,
    classes: data.classes.length,
    halfAccuracy,
    fullAccuracy,
  });
}

interface Findings {
  readonly rows: number;
  readonly classes: number;
  readonly halfAccuracy: number;
  readonly fullAccuracy: number;
}

/** The rule by itself. */
export function judge({ rows, classes, halfAccuracy, fullAccuracy }: Findings): FinetuneAdvice {
  if (classes === 0) throw new HeadlightError('internal', 'advice without classes');
  const rowsPerClass = rows / classes;
  const each = Math.round(rowsPerClass);
  const gap = fullAccuracy - halfAccuracy;
  const reasons: string[] = [];
  const few = rowsPerClass < FEW_ROWS;
  const many = rowsPerClass >= MANY_ROWS;
  reasons.push(
    few
      ? `There are ${each} training texts a class: few to learn classes from, but pairs of them (the preset “Few labels”) often gain a lot.`
      : many
        ? `There are ${each} training texts a class; from about ${MANY_ROWS} on, fine-tuning usually gains.`
        : `There are ${each} training texts a class; fine-tuning may gain, most surely from pairs of texts (the preset “Few labels”).`,
  );
  const nearlyAll = fullAccuracy >= NEARLY_ALL;
  if (nearlyAll) {
    reasons.push(`The probe gets ${percent(fullAccuracy)} already: there is little left to gain.`);
  }
  const stillLearning = gap >= 0.01;
  reasons.push(
    `The probe gets ${percent(fullAccuracy)} with all training texts and ${percent(halfAccuracy)} with half of them: ${
      stillLearning
        ? 'it is still learning from more, so more texts would help it too.'
        : 'more texts no longer help it, so what is missing is in the encoder.'
    }`,
  );
  const likely = nearlyAll ? 'no' : many ? 'yes' : 'perhaps';
  return { likely, reasons, rowsPerClass, halfAccuracy, fullAccuracy };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function slice({ columns, data }: Matrix, from: number, to: number): Matrix {
  return { rows: to - from, columns, data: data.subarray(from * columns, to * columns) };
}
