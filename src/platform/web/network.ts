/** `Network` over fetch: says whether a failure is the egress policy's or the network's. */
import { abortedError, HeadlightError } from '../../base';
import type { Network } from '../platform';
import { RequestCounter } from './request-counter';

export function createNetwork(): Network {
  const counter = new RequestCounter();
  const blocked = new Set<string>();
  // Sent before the fetch rejects: what tells a refusal by the policy from a host that is down.
  self.addEventListener('securitypolicyviolation', (event) => {
    if (event.effectiveDirective === 'connect-src') blocked.add(event.blockedURI);
  });

  return {
    requests: () => counter.counts(),
    async fetch(url, init) {
      const address = new URL(url, self.location.href);
      try {
        return await fetch(address, init);
      } catch (error) {
        if (init?.signal?.aborted === true) throw abortedError();
        // The event is queued as a task of its own; let it arrive.
        await new Promise((resolve) => setTimeout(resolve, 0));
        if ([...blocked].some((uri) => uri.startsWith(address.origin))) {
          throw new HeadlightError(
            'network',
            `This page may not send anything to ${address.host}: its policy allows its own address and the model host only.`,
            {
              hint: `To fetch models from there, set the model host to ${address.origin}.`,
              cause: error,
            },
          );
        }
        throw new HeadlightError('network', `${address.host} could not be reached.`, {
          hint: 'Check the connection and the address, then try again.',
          cause: error,
        });
      }
    },
  };
}
