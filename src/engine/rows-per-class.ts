/** “N rows a class”: few of the training rows, as if no more had been labelled. All parts but the training stay whole. */
import { drawPerClass } from '../data';
import type { DataChoice } from '../project';
import { labelsAt } from './figures';
import type { Prepared } from './prepare';

/** After the split: the same test rows, however few are trained on; the same seed with more of them adds to the fewer. */
export function withRowsPerClass(prepared: Prepared, choice: DataChoice): Prepared {
  const asked = choice.rowsPerClass ?? null;
  if (asked === null) return prepared;
  const { data, split } = prepared;
  const { targets, labels, classes } = data;
  const classesOf = (row: number): number[] =>
    targets === null ? [labels[row] ?? -1] : labelsAt(targets, row, classes.length);
  const train = drawPerClass(split.train, classesOf, asked.rows, asked.seed);
  const left = split.train.length - train.length;
  if (left === 0) return prepared;
  const each = asked.rows === 1 ? 'one row' : `${asked.rows} rows`;
  const note = `Of each class at most ${each} to train on, drawn with seed ${asked.seed}; the other ${left} are left out.`;
  return { ...prepared, split: { ...split, train, notes: [...split.notes, note] } };
}
