/** Whether a run was made from the data as they are chosen and read now; anything else makes its report an old one. */
import { canonicalJson } from '../../base';
import type { DataChoice, FileRole, FileView, ProjectView, RunView } from '../../engine';

type RecipeFile = RunView['recipe']['data']['files'][number];

/** Every setting of the choice counts, and how each used file is read, whether that was set or found. */
export function isOfPresent(
  { data, split }: Pick<RunView['recipe'], 'data' | 'split'>,
  { choice, files }: Pick<ProjectView, 'choice' | 'files'>,
): boolean {
  return (
    data.text === choice.textColumn &&
    data.text_pair === choice.textPairColumn &&
    data.use_rows === choice.useRows &&
    isSame(data.rows_per_class ?? null, choice.rowsPerClass ?? null) &&
    isSame(data.label, choice.label) &&
    isSame(data.repairs, countingRepairs(choice)) &&
    isSame(split, choice.split) &&
    isSame(rolesOf(data.files), usedRoles(choice)) &&
    data.files.every((file) => {
      const now = files.find(({ name }) => name === file.name);
      return now !== undefined && isReadSo(file, now);
    })
  );
}

/** Labels that were mended in a column have no part in labels that are made here. */
function countingRepairs({ label, repairs }: DataChoice): DataChoice['repairs'] {
  return label?.kind === 'made' ? repairs.filter(({ kind }) => kind !== 'set_label') : repairs;
}

function isReadSo(file: RecipeFile, now: FileView): boolean {
  const quotes = quotesOf(file.quotes, file.delimiter);
  const quotesNow = quotesOf(now.quotes ?? undefined, now.delimiter);
  return (
    file.format === now.format &&
    file.encoding === now.encoding &&
    file.delimiter === now.delimiter &&
    file.hasHeader === now.hasHeader &&
    (file.sheet ?? null) === now.sheet &&
    (quotes === null || quotesNow === null || quotes === quotesNow)
  );
}

/** A recipe leaves out what the delimiter alone says; null where even that is open. */
function quotesOf(quotes: boolean | undefined, delimiter: string): boolean | null {
  return quotes ?? (delimiter === '\t' ? null : true);
}

/** Files that are used, with their roles. */
function usedRoles({ files, split }: DataChoice): Record<string, FileRole> {
  const used =
    split.method === 'files' ? ['train', 'validation', 'test', 'names'] : ['train', 'names'];
  return Object.fromEntries(Object.entries(files).filter(([, role]) => used.includes(role)));
}

function rolesOf(files: readonly RecipeFile[]): Record<string, FileRole> {
  return Object.fromEntries(files.map(({ name, role }) => [name, role]));
}

function isSame(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b);
}
