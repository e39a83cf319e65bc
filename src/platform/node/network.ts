/** fetch, counted by origin, with errors that say which host could not be reached. */
import { abortedError, HeadlightError } from '../../base';
import type { Network } from '../platform';

export function createNodeNetwork(): Network {
  const counts = new Map<string, number>();
  const count = (url: string): string => {
    const { origin } = new URL(url);
    counts.set(origin, (counts.get(origin) ?? 0) + 1);
    return origin;
  };
  return {
    async fetch(url, init) {
      const origin = count(url);
      try {
        const response = await fetch(url, init);
        // A redirect to another host is a request there.
        if (response.redirected && new URL(response.url).origin !== origin) count(response.url);
        return response;
      } catch (cause) {
        if (init?.signal?.aborted) throw abortedError();
        throw new HeadlightError('network', `${origin} cannot be reached${reason(cause)}.`, {
          hint: 'Check the connection, or use a model that ships with Headlight.',
          cause,
        });
      }
    },
    requests: () => [...counts].map(([origin, number]) => ({ origin, count: number })),
  };
}

/** Node's fetch says only `fetch failed`; its cause says why. */
function reason(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error ? ` (${cause.message})` : '';
}
