/** The page's side of the talk with its service worker. */
import { HeadlightError } from '../../base';
import type { RequestCount } from '../platform';
import type { FromServiceWorker, RequestNotice, ToServiceWorker } from './service-worker-messages';

/** A service worker that takes longer hangs, or is being replaced. */
const ANSWERS_WITHIN_MS = 5_000;

export function pageBase(): URL {
  return new URL(import.meta.env.BASE_URL, document.baseURI);
}

/** null where there is none: in development, in some private windows, on plain http. */
export async function activeWorker(): Promise<ServiceWorker | null> {
  if (!('serviceWorker' in navigator)) return null;
  const registration = await navigator.serviceWorker.getRegistration(pageBase());
  return registration?.active ?? null;
}

/**
 * Says something and waits for the answer.
 * @param within milliseconds; null: as long as it takes.
 * @throws HeadlightError `internal` when no answer comes in time.
 */
export function tell(
  worker: Pick<ServiceWorker, 'postMessage'>,
  message: ToServiceWorker,
  within: number | null = ANSWERS_WITHIN_MS,
): Promise<FromServiceWorker> {
  return new Promise((resolve, reject) => {
    const { port1, port2 } = new MessageChannel();
    const late =
      within === null
        ? undefined
        : setTimeout(() => {
            port1.close();
            reject(
              new HeadlightError(
                'internal',
                `The page’s service worker has not answered for ${Math.round(within / 1000)} seconds.`,
                {
                  hint: 'Reload the page. If it stays so, close every tab of Headlight and open it again.',
                },
              ),
            );
          }, within);
    port1.addEventListener('message', ({ data }: MessageEvent<FromServiceWorker>) => {
      clearTimeout(late);
      port1.close();
      resolve(data);
    });
    port1.start();
    worker.postMessage(message, [port2]);
  });
}

type Notices = readonly (RequestCount & Pick<RequestNotice, 'by'>)[];

/** Counts the service worker's notices from here on. */
export function countNotices(): () => Notices {
  const counts = new Map<string, { by: RequestNotice['by']; origin: string; count: number }>();
  if ('serviceWorker' in navigator) {
    navigator.serviceWorker.addEventListener('message', ({ data }: MessageEvent<RequestNotice>) => {
      const { by, origin } = data;
      const key = `${by} ${origin}`;
      counts.set(key, { by, origin, count: (counts.get(key)?.count ?? 0) + 1 });
    });
    // Before the document is read whole they would wait.
    navigator.serviceWorker.startMessages();
  }
  return () => [...counts.values()];
}
