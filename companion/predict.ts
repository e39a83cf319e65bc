/** `headlight predict`: labels the texts of a file with what was trained here or in the page. */
import { HeadlightError } from '../src/base';
import { findColumns, parseTable, predictionsCsv, type SourceFile, type Table } from '../src/data';
import { openClassifier } from '../src/engine';
import type { Device } from '../src/platform';
import { parseJson, readArchive, readRecipe, type ArchiveFiles } from '../src/project';
import { kindOf, readBytes, readFolder, readSource, writeBytes } from './files';
import { chooseDevice, openSession, type Session } from './session';

export interface PredictOptions {
  readonly text?: string;
  readonly out?: string;
  readonly device: Device | 'auto';
  readonly quiet?: boolean;
}

export async function predictCommand(
  model: string,
  path: string,
  options: PredictOptions,
): Promise<void> {
  const session = await openSession(options);
  const file = await readSource(path);
  const kind = await kindOf(model);
  if (kind === null) {
    throw new HeadlightError('not-found', `There is no ${model}.`, {
      hint: 'Name a folder that headlight train --out wrote, or a zip that the page saved.',
    });
  }
  const files =
    kind === 'folder'
      ? new Map((await readFolder(model)).map(({ name, bytes }) => [name, bytes]))
      : readArchive(await readBytes(model), model);
  if (!files.has('headlight.json') && !files.has('onnx/model.onnx')) {
    throw new HeadlightError(
      'bad-model',
      `${model} is not a classifier: onnx/model.onnx is missing.`,
      {
        hint: 'Name a folder that headlight train --out wrote, or a zip that the page saved.',
      },
    );
  }
  // A whole project has its manifest.
  const csv = files.has('headlight.json')
    ? await predictWithProject(session, model, kind === 'folder', file, options)
    : await predictWithClassifier(session, files, file, options);
  if (options.out === undefined) {
    process.stdout.write(csv);
    return;
  }
  await writeBytes(options.out, csv);
  session.progress.notice(`Written to ${options.out}. It holds the texts of ${path}.`);
}

async function predictWithClassifier(
  { platform, progress, signal }: Session,
  files: ArchiveFiles,
  file: SourceFile,
  options: PredictOptions,
): Promise<Uint8Array> {
  const recipe = files.get('recipe.json');
  const trained =
    recipe === undefined ? null : readRecipe(parseJson(recipe, 'recipe.json'), 'recipe.json');
  const table = parseTable(file);
  const column = textColumn(table, options.text, trained?.data.text);
  const cells = table.columns.find(({ name }) => name === column)?.cells ?? [];
  const rows = cells.flatMap((cell, row) => (cell.trim() === '' ? [] : [row]));
  if (rows.length === 0) {
    throw new HeadlightError('bad-table', `Column “${column}” of ${file.name} holds no text.`, {
      hint: 'Name the column that holds the texts with --text.',
    });
  }
  const asked = await chooseDevice(platform, options.device);
  const classifier = await openClassifier(platform, files, asked === 'auto' ? 'cpu' : asked);
  const { classes } = classifier;
  const texts = rows.map((row) => (cells[row] ?? '').trim());
  const flat = await progress.follow(classifier.probabilities(texts, signal));
  await classifier.close();
  const labels = new Array<string | null>(table.rowCount).fill(null);
  const probabilities = new Array<readonly number[] | null>(table.rowCount).fill(null);
  rows.forEach((row, index) => {
    const values = [...flat.subarray(index * classes.length, (index + 1) * classes.length)];
    labels[row] = classes[values.indexOf(Math.max(...values))] ?? null;
    probabilities[row] = values;
  });
  const csv = predictionsCsv(table, { labels, probabilities }, classes);
  return new TextEncoder().encode(csv);
}

/** With the newest run of a project that the page saved. */
async function predictWithProject(
  { engine, progress, signal }: Session,
  model: string,
  isFolder: boolean,
  file: SourceFile,
  options: PredictOptions,
): Promise<Uint8Array> {
  if (isFolder) {
    throw new HeadlightError('bad-project', `${model} is a project that was unpacked.`, {
      hint: 'Name the zip as the page saved it.',
    });
  }
  const project = await progress.follow(engine.importProject(await readSource(model), signal));
  const [run] = project.runs;
  if (run === undefined) {
    throw new HeadlightError('not-found', `${model} holds no trained classifier.`, {
      hint: 'Train in the page, then save the project again.',
    });
  }
  progress.notice(`Uses the newest of ${project.runs.length} runs in ${model}.`);
  const { bytes } = await progress.follow(
    engine.predictFile(project.id, run.id, file, options.text ?? null, signal),
  );
  return bytes;
}

/** The column that was asked for; else the one trained on; else the one that looks like text. */
function textColumn(table: Table, asked: string | undefined, trained: string | undefined): string {
  const names = table.columns.map(({ name }) => name);
  const hint = `Its columns are: ${names.join(', ')}.`;
  if (asked !== undefined) {
    if (names.includes(asked)) return asked;
    throw new HeadlightError('bad-setting', `${table.name} has no column “${asked}”.`, { hint });
  }
  if (trained !== undefined && names.includes(trained)) return trained;
  const found = findColumns([table]).text?.column ?? (names.length === 1 ? names[0] : undefined);
  if (found !== undefined) return found;
  throw new HeadlightError('bad-table', `No column of ${table.name} looks like text.`, {
    hint: `Name it with --text. ${hint}`,
  });
}
