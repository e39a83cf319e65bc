/** `headlight predict`: labels the texts of a file with what was trained here or in the page. */
import { HeadlightError } from '../src/base';
import type { FileBytes } from '../src/data';
import { openClassifier } from '../src/engine';
import type { Device } from '../src/platform';
import { readArchive, type ArchiveFiles } from '../src/project';
import { findEncoder } from './encoder-option';
import { kindOf, readBytes, readFolder, readSource, writeBytes } from './files';
import { chooseDevice, openSession, type Session } from './session';

/** A model that is not on this disk: a repository of the Hub, or a folder's address. */
const ELSEWHERE = /^https?:\/\/|^[\w.-]+\/[\w.-]+(?:@[\w./-]+)?$/;

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
  if (kind === null && ELSEWHERE.test(model)) {
    await write(session, path, await predictAsItIs(session, model, file, options), options);
    return;
  }
  if (kind === null) {
    throw new HeadlightError('not-found', `There is no ${model}.`, {
      hint: 'Name a folder that headlight train or finetune --out wrote, or a zip that the page saved.',
    });
  }
  const files =
    kind === 'folder'
      ? new Map((await readFolder(model)).map(({ name, bytes }) => [name, bytes]))
      : readArchive(await readBytes(model), model);
  // A checkpoint as the Hub has it, with a classifier of its own.
  if (
    kind === 'folder' &&
    !files.has('headlight.json') &&
    !hasGraph(files) &&
    files.has('config.json')
  ) {
    await write(session, path, await predictAsItIs(session, `${model}/`, file, options), options);
    return;
  }
  if (!files.has('headlight.json') && !hasGraph(files)) {
    throw new HeadlightError(
      'bad-model',
      `${model} is not a classifier: onnx/model.onnx is missing.`,
      {
        hint: 'Name a folder that headlight train or finetune --out wrote, or a zip that the page saved.',
      },
    );
  }
  // A whole project has its manifest.
  const csv = files.has('headlight.json')
    ? await predictWithProject(session, model, kind === 'folder', file, options)
    : await predictWithClassifier(session, files, file, options);
  await write(session, path, csv, options);
}

function hasGraph(files: ArchiveFiles): boolean {
  return [...files.keys()].some((name) => /^onnx\/model\w*\.onnx$/.test(name));
}

async function write(
  { progress }: Session,
  path: string,
  csv: Uint8Array,
  { out }: PredictOptions,
): Promise<void> {
  if (out === undefined) {
    process.stdout.write(csv);
    return;
  }
  await writeBytes(out, csv);
  progress.notice(`Written to ${out}. It holds the texts of ${path}.`);
}

/** With the classifier that a checkpoint came with, under the names of its classes. */
async function predictAsItIs(
  { engine, platform, progress, signal }: Session,
  model: string,
  file: FileBytes,
  options: PredictOptions,
): Promise<Uint8Array> {
  const device = await chooseDevice(platform, options.device);
  const { info } = await findEncoder(engine, model, undefined, progress, signal);
  try {
    if (info.classifier !== undefined)
      progress.notice(`Answers with the classifier that ${info.name} came with.`);
    const text = options.text ?? null;
    const job = engine.predictOwn(info.reference, file, text, device, signal);
    return (await progress.follow(job)).bytes;
  } finally {
    if (info.reference.source === 'folder') await engine.removeEncoder(info.reference);
  }
}

async function predictWithClassifier(
  { platform, progress, signal }: Session,
  files: ArchiveFiles,
  file: FileBytes,
  options: PredictOptions,
): Promise<Uint8Array> {
  const asked = await chooseDevice(platform, options.device);
  const classifier = await openClassifier(platform, files, asked === 'auto' ? 'cpu' : asked);
  try {
    const text = options.text ?? null;
    return (await progress.follow(classifier.predictFile(file, text, signal))).bytes;
  } finally {
    await classifier.close();
  }
}

/** With the newest run of a project that the page saved. */
async function predictWithProject(
  { engine, progress, signal }: Session,
  model: string,
  isFolder: boolean,
  file: FileBytes,
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
