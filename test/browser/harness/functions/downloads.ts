/** Models from a Hub that is another origin, in a worker of the page: IndexedDB, Web Locks, fetch. */
import { finish, toHeadlightError, type Progress } from '../../../../src/base';
import {
  checkCached,
  findCached,
  listKept,
  loadEncoder,
  type KeptModel,
} from '../../../../src/models';
import { createWebPlatform } from '../../../../src/platform/web';

export interface Fetched {
  /** `ok`, or the error's code. */
  readonly ended: string;
  readonly message: string;
  readonly phases: readonly string[];
  readonly notes: readonly string[];
  /** Layers of what was loaded. */
  readonly layers: number | null;
}

let running: Promise<Fetched> | null = null;

/** @param stopAfter aborts once so many bytes of the weights have come. */
export async function fetchModel(
  host: string,
  id: string,
  stopAfter: number | null = null,
): Promise<Fetched> {
  const stop = new AbortController();
  const phases = new Set<string>();
  const notes: string[] = [];
  const onProgress = ({ phase, note, file }: Progress): void => {
    phases.add(phase);
    if (note !== undefined) notes.push(note);
    if (stopAfter !== null && file?.name === 'model.safetensors' && file.bytes > stopAfter)
      stop.abort();
  };
  const reference = { source: 'hub', id, revision: null, precision: 'fp32' } as const;
  const told = () => ({ phases: [...phases], notes });
  try {
    const platform = await createWebPlatform();
    const job = loadEncoder(platform, reference, { host }, stop.signal);
    const { info } = await finish(job, onProgress);
    return { ended: 'ok', message: '', layers: info.layers, ...told() };
  } catch (error) {
    const { code, message } = toHeadlightError(error);
    return { ended: code, message, layers: null, ...told() };
  }
}

/** Begins, and answers at once. */
export function beginFetch(host: string, id: string): void {
  running = fetchModel(host, id);
}

export async function awaitFetch(): Promise<Fetched> {
  if (running === null) throw new Error('nothing was begun');
  return running;
}

export async function keptModels(): Promise<readonly KeptModel[]> {
  return listKept((await createWebPlatform()).storage);
}

/** The names of damaged files. */
export async function checkKept(id: string): Promise<readonly string[]> {
  const { storage } = await createWebPlatform();
  const model = await findCached(storage, 'hub', id, null);
  if (model === null) throw new Error(`${id} is not kept`);
  return finish(checkCached(storage, model));
}

/** Flips one bit of the first piece of the weights. */
export async function flipKeptBit(): Promise<void> {
  const { storage } = await createWebPlatform();
  const entries = await storage.entries('models');
  const key = entries.find((entry) => entry.key.endsWith('parts/model.safetensors/000000'))?.key;
  const bytes = key === undefined ? null : await storage.read('models', key);
  if (key === undefined || bytes === null) throw new Error('no weights are kept');
  bytes[1000] = (bytes[1000] ?? 0) ^ 8;
  await storage.write('models', key, bytes);
}

export async function forgetKept(): Promise<void> {
  await (await createWebPlatform()).storage.deleteAll('models', '');
}
