/** Encoders for the jobs: loaded once, kept while they are used, one at a time (weights are large). */
import { canonicalJson, HeadlightError, type Job } from '../base';
import {
  loadEncoder,
  openEmbedder,
  type Embedder,
  type EmbedSettings,
  type Encoder,
  type EncoderReference,
} from '../models';
import type { Device, Platform } from '../platform';

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
    this.#loaded = null;
    await this.#live?.embedder.close();
    this.#live = null;
  }
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
  if (url.username !== '' || url.password !== '') {
    throw new HeadlightError(
      'bad-setting',
      'The address of the model host must not hold a password.',
    );
  }
  return url.origin;
}
