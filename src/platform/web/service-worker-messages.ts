/** What the page and the service worker say to each other. Every message carries a port for the answer. */
export type ToServiceWorker =
  | { readonly kind: 'model-host' }
  | { readonly kind: 'set-model-host'; readonly host: string | null }
  /** Files (relative to the page; with `/` at the end: folders) to have at hand offline. */
  | { readonly kind: 'keep'; readonly paths: readonly string[] }
  /** The person wants the new version now, although a tab of the old one is open. */
  | { readonly kind: 'activate' };

export type FromServiceWorker =
  | { readonly ok: true; readonly modelHost: string | null }
  | { readonly ok: false; readonly message: string };
