/** Two runs on the same test rows, and whether one is better beyond chance. */
import { canonicalJson, HeadlightError } from '../base';
import { mcnemar } from '../learning/evaluate';
import { readPredictions, type PartPredictions, type RunParts } from '../project';
import type { RunComparison } from './finetuning-types';
import type { Projects } from './projects';
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
  if (runs.some(({ document }) => document.recipe.task === 'multi_label')) {
    throw new HeadlightError(
      'bad-setting',
      'Runs of several labels a text are not compared in pairs.',
      {
        hint: 'Compare their figures side by side.',
      },
    );
  }
  const [a, b] = runs.map((run) => readPredictions(run.predictions).test);
  if (a === undefined || b === undefined || !sameRows(runs, a, b)) {
    throw new HeadlightError('bad-setting', 'These two runs were not tested on the same rows.', {
      hint: 'Compare runs of the same files, columns and split.',
    });
  }
  return {
    first,
    second,
    rows: a.labels.length,
    test: mcnemar(rightRows(a), rightRows(b)),
  };
}

function sameRows(runs: readonly RunParts[], a: PartPredictions, b: PartPredictions): boolean {
  const [one, other] = runs.map(({ document: { recipe } }) =>
    canonicalJson({ data: recipe.data, split: recipe.split, task: recipe.task }),
  );
  return (
    one === other &&
    a.indices.length === b.indices.length &&
    a.indices.every((index, at) => index === b.indices[at] && a.labels[at] === b.labels[at])
  );
}

/** Whether each row was predicted right. */
function rightRows({ labels, probabilities }: PartPredictions): boolean[] {
  const classes = labels.length === 0 ? 0 : probabilities.length / labels.length;
  return Array.from(
    labels,
    (label, at) => argmax(probabilities.subarray(at * classes, (at + 1) * classes)) === label,
  );
}
