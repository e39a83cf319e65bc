/** Which files, columns and rows: the flags that `train`, `finetune` and `inspect` share, and what they come to. */
import { basename, join } from 'node:path';
import { HeadlightError } from '../src/base';
import type { LabelChoice, ParseSettings, SplitSettings } from '../src/data';
import type { DataChoice, FileRole, ProjectView } from '../src/engine';
import { writeBytes } from './files';
import type { Session } from './session';

export interface ParseOptions {
  readonly encoding?: NonNullable<ParseSettings['encoding']>;
  readonly delimiter?: string;
  readonly format?: NonNullable<ParseSettings['format']>;
  readonly sheet?: string;
  readonly quotes?: boolean;
}

export interface DataOptions extends ParseOptions {
  readonly test?: string;
  readonly validation?: string;
  readonly names?: string;
  readonly text?: string;
  readonly textPair?: string;
  readonly label?: string;
  readonly labelDelimiter?: string;
  readonly testShare?: number;
  readonly split?: string;
  readonly splitColumn?: string;
  readonly stratify: boolean;
  readonly shuffle: boolean;
  readonly group?: string;
  readonly useRows?: number;
  readonly rowsPerClass?: number;
  readonly repair: string;
  readonly parts?: string;
}

/** Every file that a command names, once, the first one first. */
export function dataPaths(files: readonly string[], options: DataOptions): string[] {
  const more = [options.test, options.validation, options.names];
  return [...new Set([...files, ...more.filter((path) => path !== undefined)])];
}

/** @throws HeadlightError `bad-setting` when flags or files do not fit each other, naming what there is. */
export function chooseData(
  view: ProjectView,
  options: DataOptions & { readonly seed: number },
): DataChoice {
  const files = roles(view, options);
  const columns = columnsOf(view, files);
  const named = [options.text, options.textPair, options.splitColumn, options.group];
  for (const column of named) if (column !== undefined) checkColumn(view, files, column);
  const split = chooseSplit(view, files, options);
  return {
    ...view.choice,
    files: split.method === 'files' ? files : onlyTrain(files),
    textColumn: options.text ?? view.choice.textColumn,
    textPairColumn: options.textPair ?? null,
    label: chooseLabel(view, files, columns, options),
    useRows: options.useRows ?? null,
    ...(options.rowsPerClass === undefined
      ? {}
      : { rowsPerClass: { rows: options.rowsPerClass, seed: options.seed } }),
    split,
    parse: parseChoice(view, files, options),
  };
}

function roles(view: ProjectView, options: DataOptions): Record<string, FileRole> {
  const found: Record<string, FileRole> = { ...view.choice.files };
  const set = (path: string | undefined, role: FileRole): void => {
    if (path === undefined) return;
    // What was found is a guess; what is named is not.
    for (const name of Object.keys(found)) if (found[name] === role) found[name] = 'train';
    found[basename(path)] = role;
  };
  if (options.test !== undefined || options.validation !== undefined) {
    for (const name of Object.keys(found))
      if (found[name] === 'test' || found[name] === 'validation') found[name] = 'train';
  }
  set(options.names, 'names');
  set(options.validation, 'validation');
  set(options.test, 'test');
  return found;
}

/** Without a split by files the rows of all of them are divided. */
function onlyTrain(files: Readonly<Record<string, FileRole>>): Record<string, FileRole> {
  return Object.fromEntries(
    Object.entries(files).map(([name, role]) => [
      name,
      role === 'test' || role === 'validation' ? ('train' as const) : role,
    ]),
  );
}

function columnsOf(view: ProjectView, files: Readonly<Record<string, FileRole>>): string[] {
  const data = view.files.filter(({ name }) => !['names', 'unused'].includes(files[name] ?? ''));
  return [...new Set(data.flatMap(({ columnNames }) => columnNames))];
}

function checkColumn(
  view: ProjectView,
  files: Readonly<Record<string, FileRole>>,
  column: string,
): void {
  for (const { name, columnNames } of view.files) {
    if (['names', 'unused'].includes(files[name] ?? '') || columnNames.includes(column)) continue;
    throw new HeadlightError('bad-setting', `${name} has no column “${column}”.`, {
      hint: `Its columns are: ${columnNames.join(', ')}.`,
    });
  }
}

/** One column by its name, though it holds a comma; else several, by commas. */
function chooseLabel(
  view: ProjectView,
  files: Readonly<Record<string, FileRole>>,
  columns: readonly string[],
  { label, labelDelimiter }: DataOptions,
): LabelChoice | null {
  const found = view.choice.label;
  if (label === undefined) {
    if (labelDelimiter === undefined || found === null || !('column' in found)) return found;
    return { kind: 'delimited', column: found.column, delimiter: labelDelimiter };
  }
  const names = columns.includes(label) ? [label] : label.split(',').map((name) => name.trim());
  for (const name of names) checkColumn(view, files, name);
  const [only, ...more] = names;
  if (only === undefined) return found;
  if (more.length > 0) return { kind: 'columns', columns: names };
  if (labelDelimiter !== undefined)
    return { kind: 'delimited', column: only, delimiter: labelDelimiter };
  // The same column with its delimiter, where one was found.
  return found?.kind === 'delimited' && found.column === only
    ? found
    : { kind: 'column', column: only };
}

function chooseSplit(
  view: ProjectView,
  files: Readonly<Record<string, FileRole>>,
  options: DataOptions & { readonly seed: number },
): SplitSettings {
  const { splitColumn, split, testShare, seed } = options;
  if (options.test !== undefined) return { method: 'files' };
  if (splitColumn !== undefined) {
    const found = view.findings.split;
    if (found?.column === splitColumn)
      return { method: 'column', column: found.column, parts: found.parts };
    throw new HeadlightError(
      'bad-setting',
      `The values of “${splitColumn}” do not say which part a row belongs to.`,
      { hint: 'They should be train, test, and validation or dev.' },
    );
  }
  const asked =
    split !== undefined ||
    testShare !== undefined ||
    options.group !== undefined ||
    !options.stratify ||
    !options.shuffle;
  if (!asked) {
    const chosen = view.choice.split;
    return chosen.method === 'stratified' ? { ...chosen, seed } : chosen;
  }
  if (options.validation !== undefined || Object.values(files).includes('validation')) {
    throw new HeadlightError('bad-setting', 'A split by shares divides all files.', {
      hint: 'Leave --validation out, or name the test file with --test.',
    });
  }
  const [, validationShare, share] = split === undefined ? [1, 0, testShare ?? 0.2] : shares(split);
  return {
    method: 'stratified',
    testShare: share,
    ...(validationShare === 0 ? {} : { validationShare }),
    seed,
    ...(options.shuffle ? {} : { shuffle: false }),
    ...(options.stratify ? {} : { stratify: false }),
    ...(options.group === undefined ? {} : { groups: options.group }),
  };
}

/** `0.8/0.2` or `0.8/0.1/0.1`: train, validation, test. */
function shares(text: string): readonly [number, number, number] {
  const parts = text.split('/').map(Number);
  const [train = NaN, second = NaN, third] = parts;
  const [validation, test] = third === undefined ? [0, second] : [second, third];
  const right =
    (parts.length === 2 || parts.length === 3) &&
    Math.abs(train + validation + test - 1) < 1e-6 &&
    train > 0 &&
    test > 0 &&
    validation >= 0;
  if (right) return [train, validation, test];
  throw new HeadlightError('bad-setting', `--split ${text} is not shares of one whole.`, {
    hint: 'Give training, validation and test, such as 0.8/0.1/0.1, or training and test, such as 0.8/0.2.',
  });
}

/** How the data files are read; found where no flag says it. */
function parseChoice(
  view: ProjectView,
  files: Readonly<Record<string, FileRole>>,
  options: ParseOptions,
): DataChoice['parse'] {
  const settings = parseSettings(options);
  if (Object.keys(settings).length === 0) return view.choice.parse;
  const used = view.files.filter(({ name }) => files[name] !== 'unused');
  return Object.fromEntries(used.map(({ name }) => [name, settings]));
}

/** What a reader advises, with the flag that does it. */
export function inFlags(sentence: string): string {
  return sentence
    .replace('Read quotes as plain characters', '$& (--no-quotes)')
    .replace(/^Sheet “.*” was read; .*[^.]/, '$& (--sheet chooses)');
}

export function parseSettings({
  encoding,
  delimiter,
  format,
  sheet,
  quotes,
}: ParseOptions): ParseSettings {
  return {
    ...(encoding === undefined ? {} : { encoding }),
    ...(delimiter === undefined ? {} : { delimiter: delimiterOf(delimiter) }),
    ...(format === undefined ? {} : { format }),
    ...(sheet === undefined ? {} : { sheet }),
    ...(quotes === undefined ? {} : { quotes }),
  };
}

function delimiterOf(text: string): NonNullable<ParseSettings['delimiter']> {
  if (text === 'tab' || text === '\\t') return '\t';
  if (text === ',' || text === ';' || text === '|' || text === '\t') return text;
  throw new HeadlightError('bad-setting', `--delimiter ${text} is not known.`, {
    hint: 'Give , or ; or | or tab.',
  });
}

/**
 * Which of the audit's repairs are made: none, all, or those of the findings that are named.
 * @throws HeadlightError `bad-setting` for a finding that there is not, or that has no repair.
 */
export function chooseRepairs(view: ProjectView, wanted: string): DataChoice['repairs'] {
  const offered = view.audit.flatMap(({ id, repair }) => (repair === null ? [] : [{ id, repair }]));
  if (wanted === 'none') return view.choice.repairs;
  const ids = wanted.split(',').map((id) => id.trim());
  if (ids.includes('all')) return [...view.choice.repairs, ...unique(offered)];
  for (const id of ids) {
    if (offered.some((repair) => repair.id === id)) continue;
    const there = [...new Set(offered.map((repair) => repair.id))].join(', ');
    throw new HeadlightError('bad-setting', `There is nothing to repair called “${id}”.`, {
      hint: there === '' ? 'The audit offers no repairs here.' : `There is: ${there}.`,
    });
  }
  return [...view.choice.repairs, ...unique(offered.filter(({ id }) => ids.includes(id)))];
}

/** Exact and near copies have one repair. */
function unique(offered: readonly { readonly repair: DataChoice['repairs'][number] }[]) {
  const seen = new Map(offered.map(({ repair }) => [JSON.stringify(repair), repair]));
  return [...seen.values()];
}

/** The files given, the flags, the repairs: what is trained on. */
export async function prepareData(
  { engine, progress, signal }: Session,
  created: ProjectView,
  options: DataOptions & { readonly seed: number },
): Promise<ProjectView> {
  const choice = chooseData(created, options);
  let view = await progress.follow(engine.configureData(created.id, choice, signal));
  if (options.repair !== 'none') {
    const repairs = chooseRepairs(view, options.repair);
    view = await progress.follow(
      engine.configureData(view.id, { ...view.choice, repairs }, signal),
    );
  }
  return view;
}

/** The parts as CSV files in a folder. */
export async function writeParts(
  { engine, progress, signal }: Session,
  view: ProjectView,
  folder: string,
): Promise<void> {
  for (const part of ['train', 'validation', 'test'] as const) {
    if (part === 'validation' && view.summary?.validationRows === 0) continue;
    const file = await progress.follow(engine.dataFile(view.id, part, null, signal));
    await writeBytes(join(folder, `${part}.csv`), file.bytes);
  }
  for (const { name, rejectedCount } of view.files) {
    if (rejectedCount === 0) continue;
    const file = await progress.follow(engine.dataFile(view.id, 'rejected', name, signal));
    await writeBytes(join(folder, file.name), file.bytes);
  }
  progress.notice(`The parts are written to ${folder}. They hold your texts.`);
}
