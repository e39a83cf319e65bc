/** Encoders for the jobs: loaded once, kept while they are used, one at a time (weights are large). */
import * as v from 'valibot';
import { canonicalJson, HeadlightError, sha256, type Job } from '../base';
import type { FileBytes } from '../data';
import {
  addFolder,
  clearCached,
  embedSettingsSchema,
  listCached,
  listShipped,
  loadEncoder,
  openEmbedder,
  pinnedReferenceSchema,
  removeCached,
  type Embedder,
  type EmbedSettings,
  type Encoder,
  type EncoderInfo,
  type EncoderReference,
  TRANSFORMERS,
  type Precision,
} from '../models';
import type { Device, Platform } from '../platform';
import { jsonBytes, parseDocument, parseJson } from '../project';
import type { EncoderEntry } from './engine';

/** What is known of an added encoder, kept beside its files so that a list needs no weights. */
const infoSchema = v.object({
  reference: pinnedReferenceSchema,
  name: v.string(),
  description: v.string(),
  architecture: v.picklist([...TRANSFORMERS, 'static', 'exported']),
  layers: v.number(),
  hiddenSize: v.number(),
  maxTokens: v.number(),
  parameters: v.nullable(v.number()),
  bytes: v.number(),
  licence: v.nullable(v.string()),
  defaults: embedSettingsSchema,
}) satisfies v.GenericSchema<unknown, EncoderInfo>;

const ADDED = 'encoders/';
const HOST_KEY = 'model-host';

export class Encoders {
  readonly #platform: Platform;
  #loaded: { readonly key: string; readonly encoder: Encoder } | null = null;
  #live: { readonly key: string; readonly embedder: Embedder } | null = null;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  async *load(reference: EncoderReference, signal?: AbortSignal): Job<Encoder> {
    const key = canonicalJson(reference);
    if (this.#loaded?.key === key) return this.#loaded.encoder;
    this.#loaded = null;
    const host = await this.host();
    const encoder = yield* loadEncoder(this.#platform, reference, { host }, signal);
    this.#loaded = { key, encoder };
    return encoder;
  }

  /** An open session for single texts; the last one is kept, so that typing is live. */
  async live(
    reference: EncoderReference,
    embed: EmbedSettings,
    device: Device,
    load: (reference: EncoderReference) => Promise<Encoder>,
  ): Promise<Embedder> {
    const key = canonicalJson([reference, embed, device]);
    if (this.#live?.key === key) return this.#live.embedder;
    await this.#live?.embedder.close();
    this.#live = null;
    const encoder = await load(reference);
    const embedder = await openEmbedder({
      encoder,
      embed,
      device,
      runtime: this.#platform.runtime,
    });
    this.#live = { key, embedder };
    return embedder;
  }

  /** What ships, then what was added on this device. */
  async list(): Promise<EncoderEntry[]> {
    const { assets, storage } = this.#platform;
    const entries: EncoderEntry[] = (await listShipped(assets)).map((info) => ({
      info,
      cached: true,
      bytesKept: 0,
      lastUsed: 0,
    }));
    const kept = await listCached(storage);
    for (const { key } of await storage.entries('settings', ADDED)) {
      const bytes = await storage.read('settings', key);
      if (bytes === null) continue;
      const info = parseDocument(infoSchema, parseJson(bytes, key), `the encoder ${key}`);
      const model = kept.find(
        ({ source, id, revision }) =>
          source === info.reference.source &&
          id === info.reference.id &&
          revision === info.reference.revision,
      );
      entries.push({
        info,
        cached: model !== undefined,
        bytesKept: model?.bytes ?? 0,
        lastUsed: model?.lastUsed ?? 0,
      });
    }
    return entries;
  }

  /** null when it is not known. */
  async licence(reference: EncoderReference): Promise<string | null> {
    const entry = (await this.list()).find(
      ({ info }) =>
        info.reference.source === reference.source &&
        info.reference.id === reference.id &&
        info.reference.revision === reference.revision,
    );
    return entry?.info.licence ?? null;
  }

  async *addHub(
    id: string,
    revision: string | null,
    precision: Precision,
    signal?: AbortSignal,
  ): Job<EncoderEntry> {
    const encoder = yield* this.load({ source: 'hub', id, revision, precision }, signal);
    return this.#added(encoder);
  }

  async *addFolder(
    name: string,
    files: readonly FileBytes[],
    precision: Precision,
    signal?: AbortSignal,
  ): Job<EncoderEntry> {
    return this.#added(yield* addFolder(this.#platform.storage, name, files, precision, signal));
  }

  async remove(reference: EncoderReference): Promise<void> {
    await this.release();
    await this.#platform.storage.delete('settings', await addedKey(reference));
    // The files are shared by the precisions that were made of them.
    const others = (await this.list()).some(
      ({ info }) =>
        info.reference.source === reference.source &&
        info.reference.id === reference.id &&
        info.reference.revision === reference.revision,
    );
    if (!others) await removeCached(this.#platform.storage, reference);
  }

  /** Removes every added model. */
  async clear(): Promise<void> {
    await this.release();
    await clearCached(this.#platform.storage);
    await this.#platform.storage.deleteAll('settings', ADDED);
  }

  async #added(encoder: Encoder): Promise<EncoderEntry> {
    const { info } = encoder;
    // Training comes next: the weights are not read and parsed a second time.
    this.#loaded = { key: canonicalJson(info.reference), encoder };
    await this.#platform.storage.write('settings', await addedKey(info.reference), jsonBytes(info));
    const entry = (await this.list()).find(
      (candidate) => canonicalJson(candidate.info.reference) === canonicalJson(info.reference),
    );
    if (entry === undefined) throw new HeadlightError('internal', 'an added encoder is not listed');
    return entry;
  }

  async host(): Promise<string | null> {
    const bytes = await this.#platform.storage.read('settings', HOST_KEY);
    return bytes === null ? null : new TextDecoder().decode(bytes);
  }

  /** @throws HeadlightError `bad-setting` when it is not an http(s) address. */
  async setHost(host: string | null): Promise<void> {
    if (host === null) {
      await this.#platform.storage.delete('settings', HOST_KEY);
      return;
    }
    await this.#platform.storage.write(
      'settings',
      HOST_KEY,
      new TextEncoder().encode(checkHost(host)),
    );
  }

  async release(): Promise<void> {
    const live = this.#live;
    this.#loaded = null;
    this.#live = null;
    await live?.embedder.close();
  }
}

async function addedKey(reference: EncoderReference): Promise<string> {
  return ADDED + (await sha256(canonicalJson(reference))).slice(0, 32);
}

/** Only an origin: no path, no user, https except on this machine. */
function checkHost(host: string): string {
  let url: URL;
  try {
    url = new URL(host);
  } catch (cause) {
    throw new HeadlightError('bad-setting', `“${host}” is not an address.`, {
      hint: 'Give one such as https://huggingface.co.',
      cause,
    });
  }
  const local = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && local)) {
    throw new HeadlightError(
      'bad-setting',
      `The model host must be an https address, not ${host}.`,
      {
        hint: 'Give one such as https://huggingface.co.',
      },
    );
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new HeadlightError(
      'bad-setting',
      `The model host must be an address without a path, not ${host}.`,
      {
        hint: `Give ${url.origin}.`,
      },
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new HeadlightError(
      'bad-setting',
      'The address of the model host must not hold a password.',
    );
  }
  return url.origin;
}
