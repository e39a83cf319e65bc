/** Parts of the data as files to take away, and labels mended by hand. */
import { HeadlightError, ProgressMeter, throwIfAborted, type Job } from '../base';
import { rejectedCsv, splitCsv } from '../data';
import { choiceOfRecipe, type SetLabel } from '../project';
import type { ExportedFile, ProjectView } from './engine';
import type { Projects } from './projects';

const CSV_TYPE = 'text/csv;charset=utf-8';

/** @throws HeadlightError `bad-setting` when there is no such part or file. */
export async function* dataFile(
  projects: Projects,
  project: string,
  what: 'train' | 'validation' | 'test' | 'rejected',
  file: string | null,
  signal?: AbortSignal,
): Job<ExportedFile> {
  const meter = new ProgressMeter('Preparing the file', 'files', 1);
  yield meter.at(0);
  if (what === 'rejected') {
    const { tables } = await projects.load(project);
    const table = tables.find(({ name }) => name === file);
    if (table === undefined) {
      throw new HeadlightError('bad-setting', `There is no file ${file ?? ''} in this project.`);
    }
    return csvFile(`${stemOf(table.name)}-left-out.csv`, [rejectedCsv(table)]);
  }
  const { data, split, tables, record } = await projects.prepare(project);
  if (split[what].length === 0) {
    throw new HeadlightError('bad-setting', `There is no ${what} part.`, {
      hint: 'Change the split.',
    });
  }
  const names = new Set(data.origin.map(({ file: name }) => name));
  const used = tables.filter(({ name }) => names.has(name));
  const pieces: string[] = [];
  for (const piece of splitCsv(used, data, split, what)) {
    throwIfAborted(signal);
    pieces.push(piece);
  }
  return csvFile(`${stemOf(record.name)}-${what}.csv`, pieces);
}

function csvFile(name: string, pieces: readonly string[]): ExportedFile {
  const encoder = new TextEncoder();
  const parts = pieces.map((piece) => encoder.encode(piece));
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { name, mime: CSV_TYPE, bytes, containsTexts: true };
}

function stemOf(name: string): string {
  return name.replace(/\.[^.]+$/, '') || name;
}

/** Adds (or replaces) the mended label of a row of a run's data. @throws HeadlightError `bad-setting`. */
export async function* setLabel(
  projects: Projects,
  project: string,
  run: string,
  row: number,
  labels: readonly string[],
  signal?: AbortSignal,
): Job<ProjectView> {
  const { document } = await projects.store.run(project, run);
  const { data, record } = await projects.prepare(project, choiceOfRecipe(document.recipe));
  const origin = data.origin[row];
  if (origin === undefined) throw new HeadlightError('bad-setting', `There is no row ${row}.`);
  const unknown = labels.find((label) => !data.classes.includes(label));
  if (unknown !== undefined || (data.targets === null && labels.length !== 1)) {
    throw new HeadlightError(
      'bad-setting',
      unknown === undefined
        ? 'A row has exactly one class here.'
        : `There is no label “${unknown}” in this run.`,
      { hint: `The labels are: ${data.classes.slice(0, 20).join(', ')}.` },
    );
  }
  const { choice } = record;
  const repair: SetLabel = { kind: 'set_label', file: origin.file, row: origin.row, labels };
  // Labels that are made here are none of the column's, which wait.
  const isMade = choice.label?.kind === 'made';
  const others = choice.repairs.filter(
    (other) =>
      isMade ||
      other.kind !== 'set_label' ||
      other.file !== origin.file ||
      other.row !== origin.row,
  );
  return yield* projects.configure(project, { ...choice, repairs: [...others, repair] }, signal);
}
