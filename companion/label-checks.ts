/** Flags of `headlight label` that would do nothing: whoever gives one means something by it, so it is refused. */
import { HeadlightError } from '../src/base';
import type { TeacherSettings } from '../src/learning/labelling';
import type { LabelOptions } from './label';

type Flag = keyof LabelOptions;

/** Of the student that a recipe describes. */
const STUDENTS: readonly (readonly [Flag, string])[] = [
  ['student', '--student'],
  ['encoder', '--encoder'],
  ['preset', '--preset'],
  ['soft', '--soft'],
  ['softTemperature', '--soft-temperature'],
  ['weighted', '--weighted'],
  ['rounds', '--rounds'],
  ['roundThreshold', '--round-threshold'],
];

/** @throws HeadlightError `bad-setting`, before any file is read. */
export function checkFlags(options: LabelOptions): void {
  const { recipe, truth, test } = options;
  const has = (flag: Flag): boolean => options[flag] !== undefined;
  const lone = STUDENTS.find(([flag]) => has(flag));
  if (recipe === undefined && lone !== undefined)
    throw idle(lone[1], 'is of the student, which --recipe describes', 'Name a file with --recipe');
  if (has('softTemperature') && !has('soft'))
    throw idle('--soft-temperature', 'belongs to --soft', 'Add --soft');
  if (has('roundThreshold') && !has('rounds'))
    throw idle('--round-threshold', 'belongs to --rounds', 'Add --rounds, such as --rounds 2');
  if (has('truthNames') && truth === undefined)
    throw idle('--truth-names', 'belongs to --truth', 'Name the column of the truth with --truth');
  if (options.seed !== 0 && test !== undefined)
    throw idle('--seed', 'draws rows of one file, but --test names another', 'Name no other file');
  if (!has('testShare')) return;
  if (test !== undefined)
    throw idle('--test-share', 'divides one file, but --test names another', 'Name no other file');
  if (truth === undefined)
    throw idle(
      '--test-share',
      'holds out rows whose truth is known',
      'Name the column of the truth with --truth',
    );
}

/** @throws HeadlightError `bad-setting` for flags that no teacher reads. */
export function checkTold(options: LabelOptions, teachers: readonly TeacherSettings[]): void {
  const has = (kind: TeacherSettings['kind']): boolean =>
    teachers.some((teacher) => teacher.kind === kind);
  const isModel = has('nli') || has('similarity');
  if (options.temperature !== undefined && !has('similarity'))
    throw idle('--temperature', 'is of a teacher by cosines', 'Name an encoder with --teacher');
  if (options.examples !== undefined && !has('similarity'))
    throw idle('--examples', 'is of a teacher by cosines', 'Name an encoder with --teacher');
  if (options.descriptions !== undefined && !isModel)
    throw idle('--descriptions', 'is not read by rules', 'Name a model with --teacher');
  if (options.maxTokens !== undefined && !isModel)
    throw idle('--max-tokens', 'is of a model, not of rules', 'Name a model with --teacher');
}

function idle(flag: string, why: string, hint: string): HeadlightError {
  return new HeadlightError('bad-setting', `${flag} ${why}.`, {
    hint: `${hint}, or leave ${flag} out.`,
  });
}
