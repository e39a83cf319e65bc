/** What every command needs: an engine whose projects are gone with the process, progress, and Ctrl-C. */
import { canonicalJson, HeadlightError, sha256 } from '../src/base';
import type { SourceFile } from '../src/data';
import { createEngine, type Engine, type TrainSettings } from '../src/engine';
import type { Area, Device, Platform, Storage } from '../src/platform';
import { createNodePlatform, withMemoryAreas } from '../src/platform/node';
import { hashOf } from './files';
import { downloadToken } from './hub-token';
import { interruptSignal } from './interrupt';
import { ProgressLine } from './progress-line';

export interface Session {
  readonly platform: Platform;
  readonly engine: Engine;
  readonly progress: ProgressLine;
  readonly signal: AbortSignal;
  /** Once all is done: what teachers said of the texts is not kept for another time. */
  forgetJob(): Promise<void>;
}

export interface SessionOptions {
  readonly quiet?: boolean;
  /** Where models are fetched from; else `$HEADLIGHT_MODEL_HOST`, else Hugging Face. */
  readonly modelHost?: string;
  /** A file with the access token for it; else from the environment: see `downloadToken`. */
  readonly tokenFile?: string;
}

/**
 * @param job names the work, where it leaves checkpoints on the disk that the same command goes on from; see
 *   `jobKey`. Absent: nothing of the work is left.
 */
export async function openSession(options: SessionOptions, job?: string): Promise<Session> {
  const node = await createNodePlatform();
  // Models are kept for the next time; a person's texts are not left behind on the disk.
  const storage = withMemoryAreas(node.storage, [
    'projects',
    'files',
    'features',
    'runs',
    'labelling',
    'settings',
    ...(job === undefined ? (['checkpoints'] as const) : []),
  ]);
  if (job !== undefined) await forgetOld(node.storage);
  const platform: Platform = {
    ...node,
    storage:
      job === undefined
        ? storage
        : withVotesOf(withCheckpointsOf(storage, owner(job)), node.storage, owner(job)),
  };
  const engine = createEngine(platform);
  const host = options.modelHost ?? process.env['HEADLIGHT_MODEL_HOST'];
  if (host !== undefined && host !== '') await engine.setModelHost(host);
  const token = await downloadToken(options.tokenFile, await engine.modelHost());
  if (token !== null) await engine.setHubToken(token, 'session');
  return {
    platform,
    engine,
    progress: new ProgressLine(process.stderr, options.quiet === true),
    signal: interruptSignal(),
    async forgetJob() {
      if (job !== undefined) await node.storage.deleteAll('labelling', `${owner(job)}/`);
    },
  };
}

/**
 * The device that was asked for; `auto` where only one works needs no measurement.
 * @throws HeadlightError `device`.
 */
export async function chooseDevice(
  platform: Platform,
  asked: Device | 'auto',
): Promise<TrainSettings['device']> {
  const devices = await platform.runtime.devices();
  const [only] = devices;
  if (asked === 'auto') return devices.length === 1 && only !== undefined ? only.device : 'auto';
  if (devices.some(({ device }) => device === asked)) return asked;
  throw new HeadlightError('device', `This machine cannot run models on ${asked}.`, {
    hint: `Use one of: ${devices.map(({ device }) => device).join(', ')}.`,
  });
}

/** Before the names of this program's checkpoints; projects of the page have names of their own. */
const COMMAND_LINE = 'command-line-';
function owner(job: string): string {
  return COMMAND_LINE + job;
}

/** A training that nobody has gone on with for so long is forgotten. */
const OLD_MS = 30 * 24 * 3_600_000;

/** The same files and flags have the same key, whatever the project of this process is called. */
export async function jobKey(files: readonly SourceFile[], asked: unknown): Promise<string> {
  const hashes = await Promise.all(files.map(hashOf));
  return (await sha256(canonicalJson([hashes, JSON.parse(JSON.stringify(asked))]))).slice(0, 16);
}

/** Checkpoints hold weights, and no texts: they may stand on the disk. */
function withCheckpointsOf(storage: Storage, owner: string): Storage {
  const outer = (key: string): string => `${owner}${key.slice(Math.max(0, key.indexOf('/')))}`;
  return {
    ...storage,
    read: (area, key) => storage.read(area, area === 'checkpoints' ? outer(key) : key),
    write: (area, key, bytes) =>
      storage.write(area, area === 'checkpoints' ? outer(key) : key, bytes),
    delete: (area, key) => storage.delete(area, area === 'checkpoints' ? outer(key) : key),
    deleteAll: (area, prefix) =>
      storage.deleteAll(area, area === 'checkpoints' ? outer(prefix) : prefix),
    async entries(area, prefix = '') {
      if (area !== 'checkpoints') return storage.entries(area, prefix);
      const project = prefix.slice(0, Math.max(0, prefix.indexOf('/')));
      const found = await storage.entries(area, outer(prefix));
      return found.map((entry) => ({ ...entry, key: project + entry.key.slice(owner.length) }));
    },
  };
}

/**
 * Votes hold hashes and shares, no texts: they may stand on the disk, so that a teacher of hours goes on where the
 * command was stopped. Settings and labels by hand stay in memory.
 */
function withVotesOf(memory: Storage, disk: Storage, own: string): Storage {
  const VOTES = /^[^/]*\/votes\//;
  const outer = (key: string): string => `${own}${key.slice(Math.max(0, key.indexOf('/')))}`;
  const isVotes = (area: Area, key: string): boolean => area === 'labelling' && VOTES.test(key);
  return {
    ...memory,
    read: (area, key) =>
      isVotes(area, key) ? disk.read(area, outer(key)) : memory.read(area, key),
    write: (area, key, bytes) =>
      isVotes(area, key) ? disk.write(area, outer(key), bytes) : memory.write(area, key, bytes),
    async deleteAll(area, prefix) {
      await memory.deleteAll(area, prefix);
      if (isVotes(area, prefix)) await disk.deleteAll(area, outer(prefix));
    },
    async entries(area, prefix = '') {
      const found = await memory.entries(area, prefix);
      if (area !== 'labelling') return found;
      const project = prefix.slice(0, Math.max(0, prefix.indexOf('/')));
      const kept = await disk.entries(area, `${own}/`);
      const votes = kept.map((entry) => ({ ...entry, key: project + entry.key.slice(own.length) }));
      return [...found, ...votes.filter(({ key }) => key.startsWith(prefix))].sort((a, b) =>
        a.key < b.key ? -1 : 1,
      );
    },
  };
}

async function forgetOld(storage: Storage): Promise<void> {
  for (const area of ['checkpoints', 'labelling'] as const) {
    const youngest = new Map<string, number>();
    for (const { key, written } of await storage.entries(area, COMMAND_LINE)) {
      const owner = key.slice(0, key.indexOf('/'));
      youngest.set(owner, Math.max(youngest.get(owner) ?? 0, written));
    }
    for (const [name, written] of youngest) {
      if (Date.now() - written > OLD_MS) await storage.deleteAll(area, `${name}/`);
    }
  }
}
