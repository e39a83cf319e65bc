/** What each file of a project is used for, in the page's words; changing one keeps roles and split in step. */
import type { DataChoice, FileRole, ProjectView } from '../../engine';

export const ROLES: readonly { readonly role: FileRole; readonly name: string }[] = [
  { role: 'train', name: 'Training' },
  { role: 'validation', name: 'Validation' },
  { role: 'test', name: 'Test' },
  { role: 'names', name: 'Names of labels' },
  { role: 'unused', name: 'Not used' },
];

/**
 * The choice with one file in another role. A test file makes the files the split; without one the rows are
 * divided by the column that says so, else by share. A validation file waits for a test file: the project's
 * `problem` says so, and nothing is taken for another thing than was chosen.
 */
export function withRole(
  { choice, findings }: Pick<ProjectView, 'choice' | 'findings'>,
  file: string,
  role: FileRole,
): Pick<DataChoice, 'files' | 'split'> {
  const files: Record<string, FileRole> = { ...choice.files, [file]: role };
  // One list of names is used.
  if (role === 'names') {
    for (const name of Object.keys(files))
      if (name !== file && files[name] === 'names') files[name] = 'unused';
  }
  const roles = Object.values(files);
  // Divided otherwise before: files that were held for a split by files would come back unasked.
  if (choice.split.method !== 'files' && role !== 'test' && role !== 'validation')
    return { files, split: choice.split };
  if (roles.includes('test') || roles.includes('validation'))
    return { files, split: { method: 'files' } };
  const { split } = findings;
  return {
    files,
    split:
      split === null
        ? { method: 'stratified', testShare: 0.2, seed: 0 }
        : { method: 'column', column: split.column, parts: split.parts },
  };
}

/** What its role means for a file, under the present split. */
export function roleMeaning({ files, split }: DataChoice, file: string): string {
  const role = files[file] ?? 'unused';
  const byFiles = split.method === 'files';
  switch (role) {
    case 'train':
      return byFiles
        ? 'All of its rows are learned from.'
        : split.method === 'column'
          ? `“${split.column}” says which of its rows are learned from, and which are tested with.`
          : 'Some of its rows are kept for testing, the others are learned from.';
    case 'validation':
      return byFiles
        ? 'Thresholds, temperature and when to stop are chosen by its rows.'
        : 'Left aside while the rows are not divided by file.';
    case 'test':
      return byFiles
        ? 'Only tested with: its texts are taken out of training.'
        : 'Left aside while the rows are not divided by file.';
    case 'names':
      return 'A name a line for labels 0, 1, 2, …; not learned from.';
    case 'unused':
      return 'Kept with the project, and left aside.';
  }
}
