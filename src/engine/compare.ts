/** Two runs on the same test rows, and whether one is better beyond chance. */
import { canonicalJson, HeadlightError } from '../base';
import { mcnemar, pairedMicroF1, rowCounts } from '../learning/evaluate';
import {
  choiceOfRecipe,
  multiLabelFigures,
  readPredictions,
  type PartPredictions,
  type RunParts,
} from '../project';
import type { RunComparison } from './finetuning-types';
import type { Projects } from './projects';
import { everyLabelRight } from './teacher-figures';
import { argmax } from './text-rows';

/** @throws HeadlightError `bad-setting` when the runs were not tested on the same rows, `not-found`. */
export async function compareRuns(
  projects: Projects,
  project: string,
  first: string,
  second: string,
): Promise<RunComparison> {
  const runs = [
    await projects.store.run(project, first),
    await projects.store.run(project, second),
  ];
  const [a, b] = runs.map((run) => readPredictions(run.predictions).test);
  if (a === undefined || b === undefined || !(await sameRows(projects, project, runs, a, b))) {
    throw new HeadlightError('bad-setting', 'These two runs were not tested on the same rows.', {
      hint: 'Compare runs of the same files, columns and split.',
    });
  }
  const compared = { first, second, rows: a.labels.length };
  const [one, other] = runs.map(({ document: { record } }, at) => {
    const figures = multiLabelFigures(record);
    const part = at === 0 ? a : b;
    return figures === null || part.targets === null
      ? null
      : rowCounts(part.probabilities, part.targets, figures.thresholds);
  });
  if (one !== null && one !== undefined && other !== null && other !== undefined) {
    return {
      ...compared,
      test: mcnemar(everyLabelRight(one), everyLabelRight(other)),
      micro_f1: pairedMicroF1(one, other),
    };
  }
  return { ...compared, test: mcnemar(rightRows(a), rightRows(b)), micro_f1: null };
}

async function sameRows(
  projects: Projects,
  project: string,
  runs: readonly RunParts[],
  a: PartPredictions,
  b: PartPredictions,
): Promise<boolean> {
  const [one, other] = runs.map(({ document: { recipe } }) => {
    const { labelling: _, ...data } = recipe.data;
    return canonicalJson({ data, split: recipe.split, task: recipe.task });
  });
  if (one !== other || !sameValues(a.labels, b.labels)) return false;
  if (!sameValues(a.targets ?? [], b.targets ?? [])) return false;
  if (runs.every(({ document }) => document.recipe.data.labelling === undefined))
    return sameValues(a.indices, b.indices);
  // Labels that are made here come and go: rows are the same where they stand in the same place of the files.
  const [first, second] = [
    await placesOf(projects, project, runs[0], a),
    await placesOf(projects, project, runs[1], b),
  ];
  return first === second;
}

/** File and row of each row of a part. */
async function placesOf(
  projects: Projects,
  project: string,
  run: RunParts | undefined,
  { indices }: PartPredictions,
): Promise<string> {
  if (run === undefined) return '';
  const { data } = await projects.prepare(project, choiceOfRecipe(run.document.recipe));
  return Array.from(indices, (index) => {
    const origin = data.origin[index];
    return `${origin?.row ?? -1}/${origin?.file ?? ''}`;
  }).join('\n');
}

function sameValues(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** Whether each row was predicted right. */
function rightRows({ labels, probabilities }: PartPredictions): boolean[] {
  const classes = labels.length === 0 ? 0 : probabilities.length / labels.length;
  return Array.from(
    labels,
    (label, at) => argmax(probabilities.subarray(at * classes, (at + 1) * classes)) === label,
  );
}
