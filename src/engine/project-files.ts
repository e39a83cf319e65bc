/** The files of a project: checked, hashed, read to tables. */
import { HeadlightError, ProgressMeter, Sha256, throwIfAborted, type Job } from '../base';
import { piecesOf, readTable, type ParseSettings, type SourceFile, type Table } from '../data';
import { MOST_FILES, type DataChoice, type ProjectRecord } from '../project';

const LONGEST_FILE_NAME = 255;

/** Whether a table that was read in one way is what another would read: the same settings, or what was found. */
export function isReadSo(
  table: Table | undefined,
  wanted: ParseSettings = {},
  before: ParseSettings = {},
): boolean {
  if (table === undefined) return false;
  if (JSON.stringify(wanted) === JSON.stringify(before)) return true;
  // What was set may not have been found by itself.
  if (Object.keys(before).length > 0) return false;
  const keys = Object.keys(wanted) as (keyof ParseSettings)[];
  return keys.length > 0 && keys.every((key) => table[key] === wanted[key]);
}

/** Says what comes next, and lets others run first, so that it is seen and a stop arrives. */
export async function* announced(phase: string, signal?: AbortSignal): Job<void> {
  yield new ProgressMeter(phase, 'files', null).at(0);
  await new Promise((resolve) => setTimeout(resolve, 0));
  throwIfAborted(signal);
}

export async function* readFiles(
  files: readonly SourceFile[],
  parse: DataChoice['parse'],
  signal?: AbortSignal,
): Job<Table[]> {
  const tables: Table[] = [];
  for (const file of files) {
    tables.push(yield* readTable(file, parse[file.name] ?? {}, signal));
    throwIfAborted(signal);
  }
  return tables;
}

/** What a project's record says of its files. Reads all of them once more, for their hashes. */
export async function* keptFiles(
  files: readonly SourceFile[],
  signal?: AbortSignal,
): Job<ProjectRecord['files'][number][]> {
  const kept: ProjectRecord['files'][number][] = [];
  for (const file of files) {
    const { name, size } = file;
    const meter = new ProgressMeter(`Checking ${name}`, 'MB', size / 1e6);
    const hash = new Sha256();
    let done = 0;
    for await (const piece of piecesOf(file)) {
      hash.update(piece);
      done += piece.length;
      throwIfAborted(signal);
      // A small file is done before this could be read.
      if (done < size) yield meter.at(done / 1e6);
      // Others may run, so that a stop arrives.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    kept.push({ name, sha256: hash.digest(), bytes: size });
  }
  return kept;
}

/** @throws HeadlightError `bad-file` for too many files, two of one name, or a name that cannot be kept. */
export function checkFiles(files: readonly { readonly name: string }[]): void {
  if (files.length > MOST_FILES) {
    throw new HeadlightError('bad-file', `${files.length} files are too many.`, {
      hint: `Give ${MOST_FILES} files at most.`,
    });
  }
  files.forEach(({ name }, at) => {
    checkFileName(name);
    if (files.findIndex((other) => other.name === name) === at) return;
    throw new HeadlightError('bad-file', `Two files are called ${name}.`, {
      hint: 'Rename one of them, so that the report can tell them apart.',
    });
  });
}

/** File names become storage keys and zip entries. @throws HeadlightError `bad-file`. */
function checkFileName(name: string): void {
  if (name !== '' && name.length <= LONGEST_FILE_NAME && !/[/\\\0]/.test(name)) return;
  const shown = name.length > 60 ? `${name.slice(0, 60)}…` : name;
  throw new HeadlightError('bad-file', `The file name “${shown}” cannot be kept.`, {
    hint: `Rename the file: at most ${LONGEST_FILE_NAME} characters, without / and \\.`,
  });
}
