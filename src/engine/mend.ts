/** Labels that the person has mended by hand, one row at a time. They move no row to another part. */
import { HeadlightError } from '../base';
import { strata, type LabelledTexts, type RowOrigin, type Split } from '../data';
import type { DataChange, SetLabel } from '../project';

/**
 * The last repair of a row counts. A label that was joined or named since stands for what it is called now. Both parts are mended; the change says how many test rows were, since their
 * figures were looked at.
 * @throws HeadlightError `bad-setting` for a label that is none of the classes.
 */
export function setLabels(
  data: LabelledTexts,
  split: Split,
  repairs: readonly SetLabel[],
  nameOf: (label: string) => string = (label) => label,
): { readonly data: LabelledTexts; readonly changes: readonly DataChange[] } {
  if (repairs.length === 0) return { data, changes: [] };
  const wanted = new Map(repairs.map((repair) => [keyOf(repair.file, repair.row), repair]));
  const labels = data.labels.slice();
  const targets = data.targets?.slice() ?? null;
  const tested = new Set(split.test);
  const k = data.classes.length;
  const changes: DataChange[] = [];
  data.origin.forEach((origin, index) => {
    const repair = wanted.get(keyOf(origin.file, origin.row));
    if (repair === undefined) return;
    const classes = repair.labels.map((label) => classOf(data, label, nameOf, origin));
    if (targets !== null) {
      targets.fill(0, index * k, (index + 1) * k);
      for (const label of classes) targets[index * k + label] = 1;
    } else {
      const [only, ...more] = classes;
      if (only === undefined || more.length > 0) {
        throw new HeadlightError('bad-setting', 'A row has exactly one class here.', {
          hint: 'Choose one class for it.',
        });
      }
      labels[index] = only;
    }
    const isTest = tested.has(index);
    changes.push({
      repair,
      sentence: `${origin.file}, line ${origin.line}: the label was mended by hand to ${repair.labels.join(', ') || 'none'}${isTest ? '. It is a test row: whoever mends those that were predicted wrong flatters the figures' : ''}.`,
      part: isTest ? 'both' : 'train',
      count: 1,
      rows: [origin],
    });
  });
  return {
    data: {
      ...data,
      labels: targets === null ? labels : strata(targets, k),
      targets,
    },
    changes,
  };
}

function classOf(
  { classes }: LabelledTexts,
  label: string,
  nameOf: (label: string) => string,
  { file, line }: RowOrigin,
): number {
  const index = [label, nameOf(label)].map((name) => classes.indexOf(name)).find((at) => at >= 0);
  if (index !== undefined) return index;
  throw new HeadlightError(
    'bad-setting',
    `There is no label “${label}” here. ${file}, line ${line} was given it by hand.`,
    {
      hint: `Undo that, or what took the label away. The labels are: ${classes.slice(0, 20).join(', ')}${classes.length > 20 ? ', …' : ''}.`,
    },
  );
}

function keyOf(file: string, row: number): string {
  return `${row}/${file}`;
}
