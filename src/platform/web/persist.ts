/**
 * Asking the browser not to evict storage. Only a page may ask, not a worker, so the worker asks a page of
 * the same origin to do it.
 */

const CHANNEL = 'headlight-persist';
/** A page that is there answers at once that it has heard; the person may then take their time. */
const HEARD_WITHIN_MS = 1000;

type Message =
  | { readonly kind: 'ask'; readonly id: string }
  | { readonly kind: 'heard'; readonly id: string }
  | { readonly kind: 'answer'; readonly id: string; readonly persisted: boolean };

/** In the page: answers the workers. Called once, by the shell. */
export function answerPersistRequests(): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.addEventListener('message', ({ data }: MessageEvent<Message>) => {
    if (data.kind !== 'ask' || document.visibilityState === 'hidden') return;
    channel.postMessage({ kind: 'heard', id: data.id } satisfies Message);
    void navigator.storage.persist().then((persisted) => {
      channel.postMessage({ kind: 'answer', id: data.id, persisted } satisfies Message);
    });
  });
}

/** In a worker (or a page): whether the browser will keep storage, after asking it to. */
export async function askPageToPersist(): Promise<boolean> {
  if (!('storage' in navigator)) return false;
  if (await navigator.storage.persisted()) return true;
  if (typeof document !== 'undefined') return navigator.storage.persist();
  const channel = new BroadcastChannel(CHANNEL);
  const id = crypto.randomUUID();
  try {
    await new Promise<void>((resolve) => {
      const unheard = setTimeout(resolve, HEARD_WITHIN_MS);
      channel.addEventListener('message', ({ data }: MessageEvent<Message>) => {
        if (data.id !== id) return;
        if (data.kind === 'heard') clearTimeout(unheard);
        if (data.kind === 'answer') resolve();
      });
      channel.postMessage({ kind: 'ask', id } satisfies Message);
    });
  } finally {
    channel.close();
  }
  return navigator.storage.persisted();
}
