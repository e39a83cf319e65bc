/**
 * Where models are fetched from, and with whose token: the address of the Hub or a mirror, and an access token for
 * gated and private models, kept on this device or until the page is closed. A token belongs to the address it was
 * given for; should the address change, it is not sent to the new one.
 */
import * as v from 'valibot';
import { HeadlightError } from '../base';
import { checkHubToken, DEFAULT_HOST, withHubToken } from '../models';
import type { Network, Platform } from '../platform';
import { jsonBytes, parseJson } from '../project';

const HOST_KEY = 'model-host';
const TOKEN_KEY = 'hub-token';
const tokenSchema = v.object({ host: v.string(), token: v.string() });
type HostToken = v.InferOutput<typeof tokenSchema>;

/** Where the token is: in this browser's storage, or in memory until the page is closed or reloaded. */
export type TokenKept = 'device' | 'session';

export class HubAccess {
  readonly #platform: Platform;
  #session: HostToken | null = null;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** The mirror that was set; null: Hugging Face's own address. */
  async host(): Promise<string | null> {
    const bytes = await this.#platform.storage.read('settings', HOST_KEY);
    return bytes === null ? null : new TextDecoder().decode(bytes);
  }

  /** @throws HeadlightError `bad-setting` when it is not an http(s) address. */
  async setHost(host: string | null): Promise<void> {
    const { storage } = this.#platform;
    if (host === null) await storage.delete('settings', HOST_KEY);
    else await storage.write('settings', HOST_KEY, new TextEncoder().encode(checkHost(host)));
  }

  /** Whether there is a token for the present host, and how long it stays; null: none. */
  async hasToken(): Promise<TokenKept | null> {
    const host = await this.#address();
    if (this.#session?.host === host) return 'session';
    return (await this.#kept())?.host === host ? 'device' : null;
  }

  /**
   * @param token null: there shall be none, neither here nor in storage
   * @throws HeadlightError `bad-setting` for what cannot be one.
   */
  async setToken(token: string | null, keep: TokenKept): Promise<void> {
    const set =
      token === null ? null : { host: await this.#address(), token: checkHubToken(token) };
    this.#session = keep === 'session' ? set : null;
    const { storage } = this.#platform;
    if (set !== null && keep === 'device')
      await storage.write('settings', TOKEN_KEY, jsonBytes(set));
    else await storage.delete('settings', TOKEN_KEY);
  }

  /** The token for the present host; null: none. */
  async token(): Promise<string | null> {
    const host = await this.#address();
    if (this.#session?.host === host) return this.#session.token;
    const kept = await this.#kept();
    return kept?.host === host ? kept.token : null;
  }

  /** For downloads: with the token, where there is one. */
  async network(): Promise<Network> {
    const { network } = this.#platform;
    const token = await this.token();
    return token === null ? network : withHubToken(network, await this.#address(), token);
  }

  /** What is in memory; storage is cleared by whoever clears it. */
  forget(): void {
    this.#session = null;
  }

  async #address(): Promise<string> {
    return (await this.host()) ?? DEFAULT_HOST;
  }

  async #kept(): Promise<HostToken | null> {
    const bytes = await this.#platform.storage.read('settings', TOKEN_KEY);
    if (bytes === null) return null;
    const read = v.safeParse(tokenSchema, parseJson(bytes, TOKEN_KEY));
    return read.success ? read.output : null;
  }
}

/** An https address (http on this machine), perhaps with a path, as mirrors have; without a `/` at its end. */
function checkHost(host: string): string {
  let url: URL;
  try {
    url = new URL(host);
  } catch (cause) {
    throw new HeadlightError('bad-setting', `“${host}” is not an address.`, {
      hint: `Give one such as ${DEFAULT_HOST}.`,
      cause,
    });
  }
  const local = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && local)) {
    throw new HeadlightError(
      'bad-setting',
      `The model host must be an https address, not ${host}.`,
      {
        hint: `Give one such as ${DEFAULT_HOST}.`,
      },
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new HeadlightError(
      'bad-setting',
      'The address of the model host must not hold a password.',
    );
  }
  const address = (url.origin + url.pathname).replace(/\/+$/, '');
  // What a policy's line could be broken with, besides.
  if (url.search !== '' || url.hash !== '' || !/^[\w.~/%-]*$/.test(url.pathname)) {
    throw new HeadlightError('bad-setting', `${host} is more than the address of a model host.`, {
      hint: `Give ${url.origin}, or with a path of letters and digits such as ${url.origin}/hf.`,
    });
  }
  return address;
}
