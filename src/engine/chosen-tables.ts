/** What a choice about the data means among the tables that there are: which columns, which tables, which part each is. */
import { HeadlightError } from '../base';
import type { FileParts, Table } from '../data';
import { filesOfRole, labelColumns, type DataChoice, type FileRole } from '../project';

export function checkColumns(choice: DataChoice): {
  readonly text: string;
  readonly label: NonNullable<DataChoice['label']>;
} {
  const { textColumn: text, label, textPairColumn: pair } = choice;
  if (text === null || label === null) {
    const missing = text === null ? 'text' : 'label';
    throw new HeadlightError('bad-setting', `No ${missing} column has been chosen.`, {
      hint: `Choose the column that holds the ${missing}s.`,
    });
  }
  if (labelColumns(label).includes(text)) {
    throw new HeadlightError('bad-setting', `Column “${text}” cannot be text and label at once.`, {
      hint: 'Choose two different columns.',
    });
  }
  if (pair === text || (pair !== null && labelColumns(label).includes(pair))) {
    throw new HeadlightError('bad-setting', `Column “${pair}” cannot be the second text too.`, {
      hint: 'Choose another column for the second texts, or none.',
    });
  }
  return { text, label };
}

const DATA_ROLES = ['train', 'validation', 'test'] as const;

export function usedTables(tables: readonly Table[], choice: DataChoice): Table[] {
  const roles: readonly FileRole[] =
    choice.split.method === 'files' ? [...DATA_ROLES, 'names'] : ['train', 'names'];
  for (const name of Object.keys(choice.files)) {
    if (choice.files[name] === 'unused' || tables.some((table) => table.name === name)) continue;
    throw new HeadlightError('bad-setting', `There is no file ${name} here.`);
  }
  if (filesOfRole(choice, 'train').length === 0) {
    throw new HeadlightError('bad-setting', 'No file is the training part.', {
      hint: 'Choose the file to train on.',
    });
  }
  if (choice.split.method === 'files' && filesOfRole(choice, 'test').length === 0) {
    const [held] = filesOfRole(choice, 'validation');
    throw new HeadlightError('bad-setting', 'No file is the test part.', {
      hint:
        held === undefined
          ? 'Choose the file to test with, or divide the rows by share.'
          : `Choose the file to test with, or make ${held} a training file: then a share of all rows is kept for testing.`,
    });
  }
  return tables.filter(({ name }) => roles.includes(choice.files[name] ?? 'unused'));
}

export function fileParts(choice: DataChoice): FileParts {
  if (choice.split.method !== 'files') return null;
  if (filesOfRole(choice, 'test').length === 0) return null;
  return Object.fromEntries(
    DATA_ROLES.flatMap((role) => filesOfRole(choice, role).map((name) => [name, role] as const)),
  );
}
