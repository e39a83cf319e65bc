/** Locks among the jobs of one realm: what is left where the place offers none, and what tests use. */
import { throwIfAborted, abortedError } from '../base';
import type { Locks, Release } from './platform';

export function queueLocks(): Locks {
  /** Who waits for each name, first come first served; there while it is held. */
  const waiting = new Map<string, (() => void)[]>();

  function releaseOf(name: string): Release {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const next = waiting.get(name)?.shift();
      if (next === undefined) waiting.delete(name);
      else next();
    };
  }

  return {
    tryAcquire(name) {
      if (waiting.has(name)) return Promise.resolve(null);
      waiting.set(name, []);
      return Promise.resolve(releaseOf(name));
    },
    async acquire(name, signal) {
      throwIfAborted(signal);
      const queue = waiting.get(name);
      if (queue === undefined) {
        waiting.set(name, []);
        return releaseOf(name);
      }
      await new Promise<void>((resolve, reject) => {
        const stop = (): void => {
          queue.splice(queue.indexOf(turn), 1);
          reject(abortedError());
        };
        const turn = (): void => {
          signal?.removeEventListener('abort', stop);
          resolve();
        };
        queue.push(turn);
        signal?.addEventListener('abort', stop, { once: true });
      });
      return releaseOf(name);
    },
  };
}
