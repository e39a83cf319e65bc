/** The rows behind the figures of a run, surest first. */
import { HeadlightError } from '../base';
import {
  choiceOfRecipe,
  multiLabelFigures,
  readPredictions,
  type PartPredictions,
} from '../project';
import { labelsAbove, labelsAt } from './figures';
import type { RowPage, RowQuery } from './map-types';
import type { Projects } from './projects';
import { argmax } from './text-rows';

const MOST_ROWS_A_PAGE = 500;

interface FoundRow {
  readonly at: number;
  /** Of token classification: which word. */
  readonly word: number;
  readonly actual: number;
  readonly predicted: number;
  readonly probability: number;
  readonly labels: RowPage['rows'][number]['labels'];
}

/** Surest predictions first: what the classifier is most sure of and wrong about is what people want to see. */
export async function runRows(
  projects: Projects,
  project: string,
  run: string,
  query: RowQuery,
): Promise<RowPage> {
  const parts = await projects.store.run(project, run);
  const part = readPredictions(parts.predictions)[query.part];
  if (part === null) {
    throw new HeadlightError('bad-setting', 'This run has no validation part.', {
      hint: 'Look at its test part.',
    });
  }
  const { data } = await projects.prepare(project, choiceOfRecipe(parts.document.recipe));
  const thresholds = multiLabelFigures(parts.document.record)?.thresholds ?? null;
  const classes = data.classes.length;
  const rows = [
    ...(part.targets === null || thresholds === null
      ? ofClasses(part, classes, query)
      : ofLabels(part, part.targets, thresholds, classes, query)),
  ].sort((a, b) => b.probability - a.probability || a.at - b.at);
  const limit = Math.min(query.limit, MOST_ROWS_A_PAGE);
  return {
    total: rows.length,
    rows: rows.slice(query.offset, query.offset + limit).map(({ at, word, ...row }) => {
      const index = part.indices[at] ?? -1;
      const origin = data.origin[index];
      return {
        index,
        text: data.texts[index] ?? '',
        pair: data.pairs?.[index] ?? null,
        word: data.tags === null ? null : word,
        ...row,
        file: origin?.file ?? '',
        line: origin?.line ?? 0,
        fileRow: origin?.row ?? 0,
      };
    }),
  };
}

function* ofClasses(part: PartPredictions, classes: number, query: RowQuery): Generator<FoundRow> {
  let word = 0;
  for (let at = 0; at < part.labels.length; at++) {
    word = at > 0 && part.indices[at] === part.indices[at - 1] ? word + 1 : 0;
    const actual = part.labels[at] ?? -1;
    if (query.actual !== null && actual !== query.actual) continue;
    const row = part.probabilities.subarray(at * classes, (at + 1) * classes);
    const predicted = argmax(row);
    if (query.predicted !== null && predicted !== query.predicted) continue;
    if (query.wrongOnly === true && predicted === actual) continue;
    yield { at, word, actual, predicted, probability: row[predicted] ?? 0, labels: null };
  }
}

/** `actual` and `predicted` are the label that is asked for, or the one that the row is shown for. */
function* ofLabels(
  part: PartPredictions,
  targets: Uint8Array,
  thresholds: readonly number[],
  classes: number,
  query: RowQuery,
): Generator<FoundRow> {
  for (let at = 0; at < part.labels.length; at++) {
    const row = part.probabilities.subarray(at * classes, (at + 1) * classes);
    const actual = labelsAt(targets, at, classes);
    const predicted = labelsAbove(row, thresholds);
    if (query.actual !== null && !actual.includes(query.actual)) continue;
    if (query.predicted !== null && !predicted.includes(query.predicted)) continue;
    const cell = query.cell ?? null;
    if (
      cell !== null &&
      (actual.includes(cell.label) !== cell.actual ||
        predicted.includes(cell.label) !== cell.predicted)
    )
      continue;
    const wrong = [...row.keys()].filter(
      (label) => actual.includes(label) !== predicted.includes(label),
    );
    if (query.wrongOnly === true && wrong.length === 0) continue;
    const shown = query.wrongOnly === true ? wrong : [...row.keys()];
    /** Of a yes its probability, of a no that of the no. */
    const sureness = (label: number): number => {
      const share = row[label] ?? 0;
      return predicted.includes(label) ? share : 1 - share;
    };
    const asked = cell?.label ?? query.predicted ?? query.actual;
    const label =
      asked ??
      shown.reduce((best, one) => (sureness(one) > sureness(best) ? one : best), shown[0] ?? 0);
    yield {
      at,
      word: 0,
      actual: actual.includes(label) ? label : (actual[0] ?? -1),
      predicted: predicted.includes(label) ? label : (predicted[0] ?? -1),
      probability: sureness(label),
      labels: { actual, predicted },
    };
  }
}
