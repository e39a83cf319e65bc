/** `Locks` as Web Locks: shared by all tabs and workers of the page's origin, let go when one is closed. */
import { abortedError, throwIfAborted } from '../../base';
import type { Locks, Release } from '../platform';
import { queueLocks } from '../queue-locks';

const PREFIX = 'headlight/';

export function createLocks(): Locks {
  // Only secure origins have them; elsewhere the jobs of this worker still take turns.
  if (!('locks' in navigator)) return queueLocks();
  return {
    async acquire(name, signal) {
      throwIfAborted(signal);
      const release = await request(name, signal === undefined ? {} : { signal });
      if (release === null) throw abortedError();
      return release;
    },
    tryAcquire: (name) => request(name, { ifAvailable: true }),
  };
}

/** The lock is held until the promise that its callback returned is resolved. */
function request(name: string, options: LockOptions): Promise<Release | null> {
  return new Promise((resolve, reject) => {
    const hold = (lock: Lock | null): Promise<void> | undefined => {
      if (lock === null) {
        resolve(null);
        return undefined;
      }
      return new Promise((release) => {
        resolve(() => {
          release();
        });
      });
    };
    navigator.locks.request(PREFIX + name, options, hold).catch((error: unknown) => {
      const aborted = error instanceof DOMException && error.name === 'AbortError';
      reject(aborted ? abortedError() : error instanceof Error ? error : new Error(String(error)));
    });
  });
}
