/** `headlight models list | fetch | check | remove`: what is kept in `$HEADLIGHT_HOME`, in the page's own layout. */
import { HeadlightError } from '../src/base';
import type { KeptModel, ModelCheck, ModelName } from '../src/engine';
import { folderAddress, type Precision } from '../src/models';
import { openSession, type Session, type SessionOptions } from './session';

export interface ListOptions extends SessionOptions {
  readonly json?: boolean;
}

/** Every kept model, and every download that has not ended. */
export async function listModelsCommand(options: ListOptions): Promise<void> {
  const { engine } = await openSession(options);
  const models = await engine.listModels();
  process.stdout.write(
    options.json === true ? `${JSON.stringify(models, null, 2)}\n` : describeModels(models),
  );
}

/** The list as plain text. */
export function describeModels(models: readonly KeptModel[]): string {
  if (models.length === 0) {
    return 'No models are kept here. Get one with: npx headlight models fetch owner/name\n';
  }
  const rows = models.map((model) => [
    nameOf(model),
    model.revision.slice(0, 12),
    sizeOf(model),
    stateOf(model),
    `used ${new Date(model.lastUsed).toISOString().slice(0, 10)}`,
  ]);
  const widths = [0, 1, 2, 3].map((at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const bytes = models.reduce((sum, model) => sum + model.bytes, 0);
  const what = models.length === 1 ? '1 model' : `${models.length} models`;
  return `${lines.join('\n')}\n${what}, ${megabytes(bytes)}\n`;
}

function nameOf({ source, id }: KeptModel): string {
  return source === 'folder' ? `${id} (a folder)` : id;
}

function sizeOf({ bytes, totalBytes, state }: KeptModel): string {
  return state === 'unfinished' && totalBytes !== null
    ? `${megabytes(bytes)} of ${megabytes(totalBytes)}`
    : megabytes(bytes);
}

function stateOf({ state, source, precision }: KeptModel): string {
  if (state === 'whole') return '';
  if (state === 'damaged') return 'damaged';
  return source === 'hub' && precision !== null ? `not whole, for ${precision}` : 'not whole';
}

export interface FetchOptions extends SessionOptions {
  readonly precision?: Precision;
  readonly plan?: boolean;
}

/** Downloads a model, or goes on with one that was stopped, and loads it once to see that it can be used. */
export async function fetchModelCommand(asked: string, options: FetchOptions): Promise<void> {
  const { id, revision } = repositoryOf(asked);
  const { engine, progress, signal } = await openSession(options);
  const precision = options.precision ?? 'fp32';
  if (options.plan === true) {
    const plan = await engine.planDownload(id, revision, precision);
    for (const { name, bytes } of plan.files)
      process.stdout.write(`${name}  ${bytes === null ? '?' : megabytes(bytes)}\n`);
    const free = plan.freeBytes === null ? '' : `, ${megabytes(plan.freeBytes)} free`;
    const room = plan.fits ? '' : ': there is not enough room';
    process.stdout.write(
      `${id}@${plan.revision}: ${megabytes(plan.bytes)}, ${megabytes(plan.bytesKept)} of it here${free}${room}\n`,
    );
    return;
  }
  const { info } = await progress.follow(engine.addHubEncoder(id, revision, precision, signal));
  process.stdout.write(`${id}@${info.reference.revision ?? ''}\n`);
  progress.notice(`${info.name} is kept here, ${megabytes(info.bytes)}. ${info.description}`);
}

/** `owner/name` or `owner/name@revision`; the Hub's old names have no owner. */
function repositoryOf(asked: string): { readonly id: string; readonly revision: string | null } {
  const at = asked.indexOf('@');
  if (at < 0) return { id: asked, revision: null };
  return { id: asked.slice(0, at), revision: asked.slice(at + 1) };
}

export interface CheckOptions extends SessionOptions {
  readonly json?: boolean;
}

/**
 * Reads every file of the named models, or of all, and compares it with what was kept.
 * @throws HeadlightError `storage` when something is damaged: the command ends with 1.
 */
export async function checkModelsCommand(
  asked: string | undefined,
  options: CheckOptions,
): Promise<void> {
  const session = await openSession(options);
  const all = await session.engine.listModels();
  const models = asked === undefined ? all : await matching(session, asked);
  const checked: (ModelName & Partial<ModelCheck> & Pick<KeptModel, 'state'>)[] = [];
  for (const model of models) {
    const { source, id, revision, state } = model;
    // Of a download that has not ended there is nothing to compare with yet: the host says it when it ends.
    const check =
      state === 'unfinished'
        ? {}
        : await session.progress.follow(session.engine.checkModel(model, session.signal));
    checked.push({ source, id, revision, state, ...check });
  }
  if (options.json === true) process.stdout.write(`${JSON.stringify(checked, null, 2)}\n`);
  else for (const one of checked) process.stdout.write(`${describeCheck(one)}\n`);
  const damaged = checked.filter((one) => (one.damaged?.length ?? 0) > 0);
  if (damaged.length === 0) return;
  const names = damaged.map(({ id }) => id).join(', ');
  throw new HeadlightError('storage', `Damaged: ${names}.`, {
    hint: 'From the Hub: npx headlight models fetch gets what is damaged again. Others: remove them and add them again.',
  });
}

function describeCheck({ id, revision, files, damaged }: ModelName & Partial<ModelCheck>): string {
  const name = `${id} ${revision?.slice(0, 12) ?? ''}`;
  if (files === undefined || damaged === undefined) return `${name}: not whole, not checked`;
  if (damaged.length === 0)
    return `${name}: ${files === 1 ? '1 file' : `${files} files`}, each is what was kept`;
  return `${name}: damaged: ${damaged.join(', ')}`;
}

/** Removes a model: every revision of it that is kept, or the one that is named. */
export async function removeModelCommand(asked: string, options: SessionOptions): Promise<void> {
  const session = await openSession(options);
  for (const model of await matching(session, asked)) {
    await session.engine.removeModel(model);
    process.stdout.write(
      `${model.id} ${model.revision.slice(0, 12)} is removed: ${megabytes(model.bytes)}\n`,
    );
  }
}

/** Those that are called so: `owner/name`, perhaps with a commit or its beginning, or the address of a web folder. */
export function keptAs(models: readonly KeptModel[], asked: string): readonly KeptModel[] {
  const isAddress = /^https?:\/\//.test(asked);
  const { id, revision } = isAddress
    ? { id: folderAddress(asked), revision: null }
    : repositoryOf(asked);
  return models.filter(
    (model) => model.id === id && (revision === null || model.revision.startsWith(revision)),
  );
}

/** @throws HeadlightError `not-found` listing what there is. */
async function matching({ engine }: Session, asked: string): Promise<readonly KeptModel[]> {
  const models = await engine.listModels();
  const found = keptAs(models, asked);
  if (found.length > 0) return found;
  const ids = [...new Set(models.map((model) => model.id))];
  throw new HeadlightError('not-found', `${asked} is not kept here.`, {
    hint: ids.length === 0 ? 'No models are.' : `These are: ${ids.join(', ')}.`,
  });
}

function megabytes(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.ceil(bytes / 1e3)} kB`;
}
