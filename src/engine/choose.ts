/** What is chosen for the person before they change anything: roles of files, columns, labels, split. */
import { HeadlightError } from '../base';
import {
  dataTables,
  findColumns,
  findFileParts,
  TAGS_COLUMN,
  WORDS_COLUMN,
  type ColumnFindings,
  type LabelChoice,
  type SplitSettings,
  type Table,
} from '../data';
import { filesOfRole, labelColumns, type DataChoice, type FileRole } from '../project';

const TEST_NAME = /(^|[^a-z])(test|dev|val|valid|validation|eval|holdout)([^a-z]|$)/i;
const BY_SHARE: SplitSettings = { method: 'stratified', testShare: 0.2, seed: 0 };

/**
 * Which of two files is the test part: the one whose name says so, else the smaller one.
 * @returns [train, test].
 */
export function orderFiles(tables: readonly [Table, Table]): [Table, Table] {
  const [a, b] = tables;
  const aIsTest = TEST_NAME.test(a.name);
  const bIsTest = TEST_NAME.test(b.name);
  if (aIsTest !== bIsTest) return aIsTest ? [b, a] : [a, b];
  return a.rowCount < b.rowCount ? [b, a] : [a, b];
}

/** What was found in a list of tables, which never changes: a large one is looked at once. */
const known = new WeakMap<readonly Table[], ColumnFindings>();

export function findings(tables: readonly Table[]): ColumnFindings {
  const found = known.get(tables) ?? find(tables);
  known.set(tables, found);
  return found;
}

function find(tables: readonly Table[]): ColumnFindings {
  const found = findColumns(tables);
  if (!tables.every(({ format }) => format === 'conll')) return found;
  const label = { column: TAGS_COLUMN, reason: 'a tag for each word' };
  return {
    ...found,
    text: { column: WORDS_COLUMN, reason: 'the words of a sentence, from a CoNLL file' },
    pair: null,
    label,
    labelChoice: { choice: { kind: 'column', column: TAGS_COLUMN }, reason: label.reason },
    split: null,
    id: null,
    names: null,
  };
}

/** Each file's role, by what they hold and how they are called. */
export function findRoles(
  tables: readonly Table[],
  found: ColumnFindings,
): Record<string, FileRole> {
  const roles: Record<string, FileRole> = {};
  for (const { name } of tables) roles[name] = name === found.names?.file ? 'names' : 'unused';
  const data = dataTables(tables, found).filter(({ name }) => roles[name] !== 'names');
  const bare = withoutLabels(tables, found);
  if (bare.length > 0) {
    const parts = findFileParts(data)?.parts;
    for (const { name } of bare) roles[name] = 'train';
    for (const { name } of data) roles[name] = parts?.[name] === 'train' ? 'validation' : 'test';
    return roles;
  }
  const named = found.split === null ? findFileParts(tables) : null;
  const [first, second] = data;
  if (named !== null) {
    for (const { name } of data) roles[name] = named.parts[name] ?? 'unused';
  } else if (
    found.split === null &&
    data.length === 2 &&
    first !== undefined &&
    second !== undefined
  ) {
    const [train, test] = orderFiles([first, second]);
    roles[train.name] = 'train';
    roles[test.name] = 'test';
  } else for (const { name } of data) roles[name] = 'train';
  return roles;
}

/**
 * Files of texts alone beside files with labels that are all named after a held-out part: labels are to be made for the
 * ones, and the others tell how good they are.
 */
function withoutLabels(tables: readonly Table[], found: ColumnFindings): readonly Table[] {
  const { text, label, names, split, files } = found;
  const isHeldOut = ({ name }: Table): boolean => TEST_NAME.test(name);
  if (text === null || label === null || split !== null) return [];
  if (!tables.filter(({ name }) => files.includes(name)).every(isHeldOut)) return [];
  return tables.filter(
    (table) =>
      !files.includes(table.name) &&
      table.name !== names?.file &&
      !isHeldOut(table) &&
      table.columns.some(({ name }) => name === text.column),
  );
}

/** The split that fits the roles, or the column that says it. */
export function findSplit(
  files: Readonly<Record<string, FileRole>>,
  found: ColumnFindings,
): SplitSettings {
  if (Object.values(files).includes('test')) return { method: 'files' };
  const { split } = found;
  return split === null ? BY_SHARE : { method: 'column', column: split.column, parts: split.parts };
}

/** Second texts are found too, but not taken: a probe reads one text a row. */
export function defaultChoice(tables: readonly Table[], found: ColumnFindings): DataChoice {
  if (tables.length === 0) throw new HeadlightError('internal', 'a project without a file');
  const files = findRoles(tables, found);
  return {
    files,
    textColumn: found.text?.column ?? null,
    textPairColumn: null,
    label: found.labelChoice?.choice ?? null,
    useRows: null,
    split: findSplit(files, found),
    repairs: [],
    parse: {},
  };
}

/** A new delimiter or header setting renames columns, a file comes or goes: a choice that is gone is found anew. */
export function existing(tables: readonly Table[], choice: DataChoice): DataChoice {
  const roles = ['train', 'validation', 'test'] as const;
  const used = new Set(roles.flatMap((role) => filesOfRole(choice, role)));
  const data = tables.filter(({ name }) => used.has(name));
  const exists = (column: string): boolean =>
    data.every((table) => table.columns.some(({ name }) => name === column));
  const found = findings(tables);
  const { textColumn: text, textPairColumn: pair, label } = choice;
  return {
    ...choice,
    textColumn: text !== null && exists(text) ? text : (found.text?.column ?? null),
    textPairColumn: pair !== null && exists(pair) ? pair : null,
    label:
      label?.kind === 'made'
        ? withTruth(data, label)
        : label !== null && labelColumns(label).every(exists)
          ? label
          : (found.labelChoice?.choice ?? null),
  };
}

/** The column of the truth may stand in the held-out files alone; where it stands in none, there is none. */
function withTruth(
  tables: readonly Table[],
  label: Extract<LabelChoice, { kind: 'made' }>,
): LabelChoice {
  const isThere = tables.some(({ columns }) => columns.some(({ name }) => name === label.truth));
  return isThere ? label : { ...label, truth: null };
}
