/** 0/1 targets of several labels a row, checked where they come in. */
import { HeadlightError } from '../../base';

/**
 * @param targets 0/1, [rows, classes] row-major.
 * @returns rows with each label, [classes].
 * @throws HeadlightError `bad-labels` for no classes, no rows or a target that is neither 0 nor 1.
 */
export function countTargets(
  targets: Uint8Array,
  rows: number,
  classes: readonly string[],
): Int32Array {
  if (classes.length === 0 || rows === 0) {
    throw new HeadlightError(
      'bad-labels',
      `The training part has no ${rows === 0 ? 'rows' : 'labels'}.`,
      {
        hint: 'Choose the label columns and the split again.',
      },
    );
  }
  if (targets.length !== rows * classes.length) {
    throw new HeadlightError(
      'internal',
      `${targets.length} targets for ${rows} rows of ${classes.length} labels.`,
    );
  }
  const counts = new Int32Array(classes.length);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let k = 0; k < classes.length; k++, at++) {
      const target = targets[at]!;
      if (target > 1) {
        throw new HeadlightError(
          'bad-labels',
          `Row ${row + 1} has ${target} for the label ${classes[k]}, not 0 or 1.`,
          { hint: 'Choose the label columns again: each must hold 0 or 1.' },
        );
      }
      counts[k]! += target;
    }
  }
  return counts;
}

/** The targets of one label, [rows]. */
export function columnOf(
  targets: Uint8Array,
  rows: number,
  classes: number,
  label: number,
): Int32Array {
  return Int32Array.from({ length: rows }, (_, row) => targets[row * classes + label]!);
}
