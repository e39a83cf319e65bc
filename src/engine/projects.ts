/** The life of a project: made from dropped files, opened, changed, deleted. */
import {
  finish,
  HeadlightError,
  ProgressMeter,
  Sha256,
  throwIfAborted,
  toHeadlightError,
  type Job,
} from '../base';
import { piecesOf, sourceOf, type InputFile, type SourceFile, type Table } from '../data';
import type { Storage } from '../platform';
import {
  PROJECT_VERSION,
  ProjectStore,
  type DataChoice,
  type ProjectContent,
  type ProjectRecord,
  type RunDocument,
} from '../project';
import type { ProjectSummary, ProjectView } from './engine';
import {
  defaultChoice,
  findings,
  prepare,
  readTables,
  summarise,
  viewFile,
  type Prepared,
} from './prepare';

const MOST_FILES = 2;

export interface OpenProject {
  readonly record: ProjectRecord;
  readonly tables: readonly Table[];
}

export class Projects {
  readonly store: ProjectStore;
  /** Tables of the project that was last used: parsing a large file again for each click is too slow. */
  #open: { readonly key: string; readonly tables: readonly Table[] } | null = null;
  #prepared: { readonly key: string; readonly prepared: Prepared } | null = null;

  constructor(storage: Storage) {
    this.store = new ProjectStore(storage);
  }

  async list(): Promise<ProjectSummary[]> {
    const summaries: ProjectSummary[] = [];
    for (const id of await this.store.ids()) {
      let record: ProjectRecord;
      let runs: readonly RunDocument[];
      try {
        record = await this.store.read(id);
        runs = await this.store.runs(id);
      } catch (error) {
        const known = toHeadlightError(error);
        if (known.code === 'not-found') continue; // deleted in another tab just now
        if (known.code !== 'bad-project') throw known;
        summaries.push(unreadable(id, known.message, await this.store.bytes(id)));
        continue;
      }
      summaries.push({
        id: record.id,
        name: record.name,
        created: record.created,
        modified: record.modified,
        rows: record.rows,
        classes: record.classes,
        bestAccuracy: runs.reduce<number | null>(
          (best, run) => Math.max(best ?? 0, run.record.metrics.test.accuracy),
          null,
        ),
        bytes: await this.store.bytes(record.id),
        problem: null,
      });
    }
    return summaries.sort((a, b) => b.modified - a.modified);
  }

  async *create(given: readonly InputFile[], signal?: AbortSignal): Job<ProjectView> {
    const files = given.map(sourceOf);
    if (files.length === 0) {
      throw new HeadlightError('bad-file', 'No file was given.', {
        hint: 'Choose a CSV or TSV file.',
      });
    }
    if (files.length > MOST_FILES) {
      throw new HeadlightError('bad-file', `${files.length} files were given at once.`, {
        hint: 'Give one file, or a training and a test file.',
      });
    }
    const [first, second] = files;
    if (second !== undefined && first?.name === second.name) {
      throw new HeadlightError('bad-file', `Both files are called ${second.name}.`, {
        hint: 'Rename one of them, so that the report can tell them apart.',
      });
    }
    for (const { name } of files) checkFileName(name);
    const tables = yield* readTables(files, { parse: {} }, signal);
    const choice = defaultChoice(tables, findings(tables));
    const now = Date.now();
    const record: ProjectRecord = {
      kind: 'headlight.project',
      schemaVersion: PROJECT_VERSION,
      id: crypto.randomUUID(),
      name: projectName(choice.trainFile),
      created: now,
      modified: now,
      files: await Promise.all(
        files.map(async (file) => ({
          name: file.name,
          sha256: await hashOf(file),
          bytes: file.size,
        })),
      ),
      choice,
      ...counts(tables, choice),
    };
    await this.store.create(record, files);
    this.#remember(record, tables);
    return this.#view({ record, tables });
  }

  async *open(project: string, signal?: AbortSignal): Job<ProjectView> {
    const meter = new ProgressMeter('Opening the project', 'files', null);
    yield meter.at(0);
    const open = yield* this.#load(project, signal);
    throwIfAborted(signal);
    return this.#view(open);
  }

  async *configure(project: string, choice: DataChoice, signal?: AbortSignal): Job<ProjectView> {
    const meter = new ProgressMeter('Reading the data', 'files', null);
    yield meter.at(0);
    const before = await this.store.read(project);
    for (const name of [choice.trainFile, choice.testFile]) {
      if (name !== null && !before.files.some((file) => file.name === name)) {
        throw new HeadlightError('bad-setting', `There is no file ${name} in this project.`);
      }
    }
    const files = await Promise.all(
      before.files.map((file) => this.store.file(project, file.name)),
    );
    const tables = yield* readTables(files, choice, signal);
    throwIfAborted(signal);
    const settled = { ...choice, ...existingColumns(tables, choice) };
    const record: ProjectRecord = {
      ...before,
      modified: Date.now(),
      choice: settled,
      ...counts(tables, settled),
    };
    await this.store.write(record);
    this.#remember(record, tables);
    return this.#view({ record, tables });
  }

  async rename(project: string, name: string): Promise<void> {
    const trimmed = name.trim();
    if (trimmed === '' || trimmed.length > 200) {
      throw new HeadlightError('bad-setting', 'A project needs a name of 1 to 200 characters.');
    }
    const record = await this.store.read(project);
    await this.store.write({ ...record, name: trimmed, modified: Date.now() });
  }

  async delete(project: string): Promise<void> {
    this.forget();
    await this.store.delete(project);
  }

  /** Keeps an imported project, under a new id when its own is taken. @returns the id. */
  async import({ record, files, runs }: ProjectContent): Promise<string> {
    const taken = (await this.store.ids()).includes(record.id);
    const id = taken ? crypto.randomUUID() : record.id;
    await this.store.create({ ...record, id }, files, runs);
    return id;
  }

  /** Marks the project as used just now. */
  async touch(project: string): Promise<void> {
    await this.store.write({ ...(await this.store.read(project)), modified: Date.now() });
  }

  forget(): void {
    this.#open = null;
    this.#prepared = null;
  }

  load(project: string): Promise<OpenProject> {
    return finish(this.#load(project));
  }

  async *#load(project: string, signal?: AbortSignal): Job<OpenProject> {
    const record = await this.store.read(project);
    const key = tablesKey(record);
    if (this.#open?.key === key) return { record, tables: this.#open.tables };
    const files = await Promise.all(
      record.files.map((file) => this.store.file(project, file.name)),
    );
    const tables = yield* readTables(files, record.choice, signal);
    this.#remember(record, tables);
    return { record, tables };
  }

  /** Texts, labels and split of a project under some choice (the present one, or a run's). */
  async prepare(
    project: string,
    choice?: DataChoice,
  ): Promise<Prepared & { record: ProjectRecord }> {
    const { record, tables } = await this.load(project);
    const wanted = choice ?? record.choice;
    const key = JSON.stringify([project, wanted]);
    if (this.#prepared?.key !== key) {
      const same = JSON.stringify(wanted.parse) === JSON.stringify(record.choice.parse);
      const parsed = same ? tables : await this.#parseAgain(record, wanted);
      this.#prepared = { key, prepared: prepare(parsed, wanted) };
    }
    return { ...this.#prepared.prepared, record };
  }

  async #parseAgain(record: ProjectRecord, choice: DataChoice): Promise<Table[]> {
    // Only what the choice uses: another file may not even be readable this way.
    const used = record.files.filter(
      ({ name }) => name === choice.trainFile || name === choice.testFile,
    );
    const files = await Promise.all(used.map(({ name }) => this.store.file(record.id, name)));
    return finish(readTables(files, choice));
  }

  #remember(record: ProjectRecord, tables: readonly Table[]): void {
    this.#open = { key: tablesKey(record), tables };
    this.#prepared = null;
  }

  async #view({ record, tables }: OpenProject): Promise<ProjectView> {
    let summary: ProjectView['summary'] = null;
    let problem: ProjectView['problem'] = null;
    try {
      summary = summarise(prepare(tables, record.choice));
    } catch (error) {
      const known = toHeadlightError(error);
      if (known.code === 'internal') throw known;
      problem = { message: known.message, hint: known.hint };
    }
    return {
      id: record.id,
      name: record.name,
      created: record.created,
      files: tables.map((table) =>
        viewFile(table, record.files.find((file) => file.name === table.name)?.bytes ?? 0),
      ),
      findings: findings(tables),
      choice: record.choice,
      summary,
      problem,
      runs: await this.store.runs(record.id),
    };
  }
}

async function hashOf(file: SourceFile): Promise<string> {
  const hash = new Sha256();
  for await (const piece of piecesOf(file)) hash.update(piece);
  return hash.digest();
}

const LONGEST_NAME = 200;
const LONGEST_FILE_NAME = 255;

function projectName(file: string): string {
  return (file.replace(/\.[^.]+$/, '') || file).slice(0, LONGEST_NAME);
}

/** File names become storage keys and zip entries. @throws HeadlightError `bad-file`. */
function checkFileName(name: string): void {
  if (name !== '' && name.length <= LONGEST_FILE_NAME && !/[/\\\0]/.test(name)) return;
  const shown = name.length > 60 ? `${name.slice(0, 60)}…` : name;
  throw new HeadlightError('bad-file', `The file name “${shown}” cannot be kept.`, {
    hint: `Rename the file: at most ${LONGEST_FILE_NAME} characters, without / and \\.`,
  });
}

function unreadable(id: string, problem: string, bytes: number): ProjectSummary {
  return {
    id,
    name: 'A project that cannot be read',
    created: 0,
    modified: 0,
    rows: 0,
    classes: 0,
    bestAccuracy: null,
    bytes,
    problem,
  };
}

function tablesKey(record: ProjectRecord): string {
  return JSON.stringify([record.id, record.files, record.choice.parse]);
}

/** A new delimiter or header setting renames columns: a choice that is gone is found anew. */
function existingColumns(
  tables: readonly Table[],
  choice: DataChoice,
): Pick<DataChoice, 'textColumn' | 'textPairColumn' | 'labelColumn'> {
  const exists = (column: string | null): boolean =>
    column !== null && tables.every((table) => table.columns.some(({ name }) => name === column));
  const found = findings(tables);
  return {
    textColumn: exists(choice.textColumn) ? choice.textColumn : (found.text?.column ?? null),
    textPairColumn: exists(choice.textPairColumn) ? choice.textPairColumn : null,
    labelColumn: exists(choice.labelColumn) ? choice.labelColumn : (found.label?.column ?? null),
  };
}

/** For the list of projects; zeros while the choice cannot be learned from (the view says why). */
function counts(tables: readonly Table[], choice: DataChoice): { rows: number; classes: number } {
  try {
    const { data } = prepare(tables, choice);
    return { rows: data.texts.length, classes: data.classes.length };
  } catch (error) {
    if (toHeadlightError(error).code === 'internal') throw error;
    return { rows: 0, classes: 0 };
  }
}
