/**
 * The egress policy: the headers that the page and every worker script are sent with, whoever sends them
 * (Vite in development, the Node server, the service worker). Free of the DOM and of Node.
 *
 * `connect-src` is what keeps texts on the device: scripts reach the page's own address and the model
 * host that the person chose, and nothing else. `form-action` and `base-uri` close what `default-src`
 * leaves open. COOP and COEP isolate the page, which threads in WebAssembly need.
 */

export const HUGGING_FACE = 'https://huggingface.co';

/** The Hub answers downloads with redirects to storage under these names. */
const HUGGING_FACE_STORAGE = ['https://*.huggingface.co', 'https://*.hf.co'];

/**
 * The origins a model host needs.
 * @param host an address such as `https://huggingface.co` or `http://127.0.0.1:8080/mirror`
 * @throws TypeError when it is no http(s) address.
 */
export function modelHostSources(host: string): readonly string[] {
  const url = new URL(host);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new TypeError(`A model host starts with https:// or http://, not ${url.protocol}//`);
  }
  // Browsers let `;` and spaces into a host's name; in a policy they would start another directive.
  if (!/^(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])$/.test(url.hostname)) {
    throw new TypeError(`${url.hostname} is not the name of a host.`);
  }
  return url.origin === HUGGING_FACE ? [HUGGING_FACE, ...HUGGING_FACE_STORAGE] : [url.origin];
}

export interface PolicyOptions {
  /** Vite's development server puts styles into `<style>` elements; builds never need it. */
  readonly inlineStyles?: boolean;
}

/** @param modelHost the address models are fetched from; null: nowhere but the page's own address. */
export function contentSecurityPolicy(
  modelHost: string | null,
  options: PolicyOptions = {},
): string {
  const connect = ["'self'", ...(modelHost === null ? [] : modelHostSources(modelHost))];
  return [
    "default-src 'self'",
    "script-src 'self' 'wasm-unsafe-eval' blob:",
    "worker-src 'self' blob:",
    `connect-src ${connect.join(' ')}`,
    // Pictures of the report are painted from memory to be saved as PNG.
    "img-src 'self' blob:",
    ...(options.inlineStyles === true ? ["style-src 'self' 'unsafe-inline'"] : []),
    "form-action 'none'",
    "base-uri 'self'",
  ].join('; ');
}

/** Every header of the policy, for the page, its scripts and its workers. */
export function securityHeaders(
  modelHost: string | null,
  options: PolicyOptions = {},
): Record<string, string> {
  return {
    'Content-Security-Policy': contentSecurityPolicy(modelHost, options),
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  };
}
