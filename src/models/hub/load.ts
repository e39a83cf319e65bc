/** Where encoders come from: what ships, the Hub or a mirror, a folder. */
import {
  canonicalJson,
  HeadlightError,
  ProgressMeter,
  sha256,
  throwIfAborted,
  type Job,
  type Progress,
} from '../../base';
import type { Assets, Network, Storage } from '../../platform';
import { parseEncoderConfig } from '../encoders';
import type { EncoderReference, Precision } from '../types';
import { findCached, modelPrefix, publish, readCached, type CachedModel } from './cache';
import { downloadFile, forgetParts } from './download';
import { openEncoder, type Encoder, type EncoderFacts, type ModelFile } from './encoder';
import { askRepository, checkRepositoryId, DEFAULT_HOST, type Repository } from './hub-api';
import { keepFolderOf } from './host';
import { megabytes } from './progress';
import { poolingFile, SENTENCE_FILES } from './sentence-transformers';
import { loadShipped } from './shipped';
import { chooseWeightFiles, type WeightFiles } from './weight-files';

export interface ModelSources {
  readonly assets: Assets;
  readonly storage: Storage;
  readonly network: Network;
}

export interface LoadOptions {
  /** The Hub or a mirror of it; null or absent: https://huggingface.co. */
  readonly host?: string | null;
}

const OPTIONAL = ['tokenizer_config.json', ...SENTENCE_FILES];

/**
 * Loads an encoder. One from the Hub is downloaded once, pinned to its commit, and then read from
 * storage without any request; its `info.reference` carries the pinned revision.
 *
 * @throws HeadlightError `not-found`, `network`, `bad-model`, `bad-setting`, `storage-full`, `aborted`.
 */
export async function* loadEncoder(
  sources: ModelSources,
  reference: EncoderReference,
  options: LoadOptions = {},
  signal?: AbortSignal,
): Job<Encoder> {
  throwIfAborted(signal);
  switch (reference.source) {
    case 'shipped':
      return yield* loadShipped(sources.assets, reference);
    case 'hub':
      return yield* loadFromHub(sources, reference, options.host ?? DEFAULT_HOST, signal);
    case 'host': {
      const { id, revision, precision } = reference;
      const kept = yield* keepFolderOf(sources, id, revision, signal);
      return yield* openCached(sources.storage, kept, precision);
    }
    case 'folder': {
      const { storage } = sources;
      const cached = await findCached(storage, 'folder', reference.id, reference.revision);
      if (cached === null) {
        throw new HeadlightError(
          'not-found',
          `The folder ${reference.id} is not kept on this device.`,
          {
            hint: 'Drop the folder with config.json, tokenizer.json and its weights again.',
          },
        );
      }
      return yield* openCached(storage, cached, reference.precision);
    }
  }
}

/**
 * An encoder from a folder's files, kept so that `loadEncoder` finds it again.
 *
 * @param files names relative to the folder; a common leading folder is taken off
 * @param storage null: not kept, as on the command line, where the folder stays where it is
 * @throws HeadlightError `bad-model` when a file is missing or cannot be used (nothing is kept then).
 */
export async function* addFolder(
  storage: Storage | null,
  name: string,
  files: readonly ModelFile[],
  precision: Precision,
  signal?: AbortSignal,
): Job<Encoder> {
  throwIfAborted(signal);
  const id =
    name
      .replace(/[/\\]+$/, '')
      .split(/[/\\]/)
      .at(-1) || 'model';
  const all = relativeFiles(files);
  // Of all names, since what lies there instead of the weights is the hint.
  const weights = chooseWeightFiles(
    all.map((file) => file.name),
    precision,
    id,
  );
  const wanted = folderFiles(all, weights);
  const total = wanted.reduce((sum, { bytes }) => sum + bytes.length, 0);
  yield megabytes(`Reading ${id}`, 0, total);
  const revision = await folderRevision(wanted, weights);
  const reference: EncoderReference = { source: 'folder', id, revision, precision };
  const encoder = await openEncoder(reference, wanted, weights, folderFacts(id));
  throwIfAborted(signal);
  if (storage !== null)
    await publish(storage, { source: 'folder', id, revision, licence: null }, wanted);
  yield megabytes(`Reading ${id}`, total, total);
  return encoder;
}

async function* loadFromHub(
  { storage, network }: ModelSources,
  reference: EncoderReference,
  host: string,
  signal: AbortSignal | undefined,
): Job<Encoder> {
  const { id, revision, precision } = reference;
  checkRepositoryId(id, revision);
  // Only a commit names its content; a branch is asked about again.
  const pinned = revision !== null && /^[0-9a-f]{40}$/.test(revision);
  if (pinned) {
    const cached = await findCached(storage, 'hub', id, revision);
    if (cached !== null) return yield* openCached(storage, cached, precision);
  }
  let repository: Repository;
  try {
    repository = await askRepository(network, host, id, revision, signal);
  } catch (error) {
    const kept = revision === null ? await findCached(storage, 'hub', id, null) : null;
    if (kept === null || !(error instanceof HeadlightError) || error.code !== 'network')
      throw error;
    const note = `${error.message} The copy kept on this device is used (revision ${kept.revision.slice(0, 12)}).`;
    return yield* openCached(storage, kept, precision, note);
  }
  const { commit } = repository;
  const cached = await findCached(storage, 'hub', id, commit);
  if (cached !== null) return yield* openCached(storage, cached, precision);
  const files = yield* downloadAll(storage, network, host, repository, id, precision, signal);
  const model = { source: 'hub', id, revision: commit, licence: repository.licence } as const;
  const weights = chooseWeightFiles(
    files.map((file) => file.name),
    precision,
    id,
  );
  const encoder = await openEncoder(
    { ...reference, revision: commit },
    files,
    weights,
    hubFacts(model),
  );
  await publish(storage, model, files);
  for (const { name } of files) await forgetParts(storage, partKey(id, commit, name));
  return encoder;
}

async function* downloadAll(
  storage: Storage,
  network: Network,
  host: string,
  repository: Repository,
  id: string,
  precision: Precision,
  signal: AbortSignal | undefined,
): Job<readonly ModelFile[]> {
  const names = repository.files.map((file) => file.name);
  const weights = chooseWeightFiles(names, precision, id);
  for (const name of ['config.json', 'tokenizer.json']) {
    if (names.includes(name)) continue;
    throw new HeadlightError('bad-model', `${id} has no ${name}.`, {
      hint: 'Headlight reads models with config.json, tokenizer.json and model.safetensors or an exported model.onnx; choose one that has them.',
    });
  }
  // Small files first, so that an unsupported model is refused before its weights are downloaded.
  const wanted = [
    'config.json',
    'tokenizer.json',
    ...OPTIONAL.filter((name) => names.includes(name)),
    ...weights.files,
  ];
  const total = wanted.reduce((sum, name) => sum + (sizeOf(repository, name) ?? 0), 0);
  const meter = new ProgressMeter(`Downloading ${id}`, 'MB', total / 1e6);
  const files: ModelFile[] = [];
  let done = 0;
  for (let index = 0; index < wanted.length; index++) {
    const name = wanted[index] ?? '';
    const file = repository.files.find((one) => one.name === name);
    if (file === undefined) continue;
    const key = partKey(id, repository.commit, name);
    const before = done;
    const bytes = yield* mapProgress(
      downloadFile({ network, storage, host, repository, file, partKey: key, signal }),
      (part) => meter.at((before + part) / 1e6),
    );
    files.push({ name, bytes });
    done += bytes.length;
    // An exported graph needs no architecture that is known here.
    if (name === 'config.json' && weights.format !== 'onnx') parseEncoderConfig(bytes);
    if (name === 'modules.json') {
      const pooling = poolingFile(files);
      if (pooling !== null && names.includes(pooling)) wanted.splice(index + 1, 0, pooling);
    }
  }
  yield meter.at(done / 1e6);
  return files;
}

async function* mapProgress<Part, Result>(
  source: AsyncGenerator<Part, Result, void>,
  map: (part: Part) => Progress,
): Job<Result> {
  for (;;) {
    const step = await source.next();
    if (step.done) return step.value;
    yield map(step.value);
  }
}

async function* openCached(
  storage: Storage,
  model: CachedModel,
  precision: Precision,
  note?: string,
): Job<Encoder> {
  const total = model.files.reduce((sum, { bytes }) => sum + bytes, 0);
  yield megabytes(`Reading ${model.id}`, 0, total, note);
  const files = await readCached(storage, model);
  yield megabytes(`Reading ${model.id}`, total, total);
  const { source, id, revision } = model;
  const weights = chooseWeightFiles(
    files.map((file) => file.name),
    precision,
    id,
  );
  const facts = keptFacts(model);
  return openEncoder({ source, id, revision, precision }, files, weights, facts);
}

/**
 * A hash of all that the embeddings and the length of the texts depend on: the same weights with another
 * tokenizer are another encoder.
 */
async function folderRevision(files: readonly ModelFile[], weights: WeightFiles): Promise<string> {
  const hashes: Record<string, string> = {};
  for (const { name, bytes } of files) {
    if ([...weights.files, 'config.json', 'tokenizer.json', 'tokenizer_config.json'].includes(name))
      hashes[name] = await sha256(bytes);
  }
  return sha256(canonicalJson(hashes));
}

/** Names relative to the folder that holds `config.json`; all of them as they are without one. */
function relativeFiles(files: readonly ModelFile[]): readonly ModelFile[] {
  const named = files.map(({ name, bytes }) => ({
    name: name.replaceAll('\\', '/').replace(/^\.?\//, ''),
    bytes,
  }));
  const root = rootOf(named.map((file) => file.name));
  return named.flatMap(({ name, bytes }) =>
    name.startsWith(root) ? [{ name: name.slice(root.length), bytes }] : [],
  );
}

/** The folder that holds the model's `config.json`, with its `/`. */
function rootOf(names: readonly string[]): string {
  const configs = names.filter((name) => /(^|\/)config\.json$/.test(name));
  // `1_Pooling/config.json` lies deeper than the model's own.
  const config = configs.sort((a, b) => a.split('/').length - b.split('/').length)[0];
  return config?.slice(0, -'config.json'.length) ?? '';
}

/** Those that matter. */
function folderFiles(files: readonly ModelFile[], weights: WeightFiles): readonly ModelFile[] {
  const names = ['config.json', 'tokenizer.json', ...weights.files, ...OPTIONAL];
  const pooling = poolingFile(files);
  if (pooling !== null) names.push(pooling);
  return files.filter(({ name }) => names.includes(name));
}

function partKey(id: string, commit: string, name: string): string {
  return `${modelPrefix('hub', id, commit)}parts/${name.replaceAll('/', '_')}`;
}

function sizeOf(repository: Repository, name: string): number | null {
  return repository.files.find((file) => file.name === name)?.bytes ?? null;
}

function keptFacts(model: CachedModel): EncoderFacts {
  const { source, id, licence, name, description, carried } = model;
  if (source === 'folder') return folderFacts(id);
  const by = carried === true ? ', by way of a zip file.' : '.';
  if (source === 'hub')
    return { ...hubFacts(model), description: `From the Hugging Face Hub${by}` };
  const line = description === undefined ? '' : `${description} `;
  return {
    name: name ?? id,
    description: `${line}From ${new URL(id).host}${by}`,
    licence,
    defaults: null,
  };
}

function hubFacts({ id, licence }: Pick<CachedModel, 'id' | 'licence'>): EncoderFacts {
  return { name: id, description: 'From the Hugging Face Hub.', licence, defaults: null };
}

function folderFacts(id: string): EncoderFacts {
  return { name: id, description: 'From a folder on this device.', licence: null, defaults: null };
}
