/** `Network` over fetch: says whether a failure is the egress policy's or the network's. */
import { abortedError, HeadlightError } from '../../base';
import type { Network } from '../platform';
import { RequestCounter } from './request-counter';

export function createNetwork(): Network {
  const counter = new RequestCounter();
  /** Addresses that the policy refused, with the policy. */
  const blocked = new Map<string, string>();
  // Sent before the fetch rejects: what tells a refusal by the policy from a host that is down.
  self.addEventListener('securitypolicyviolation', (event) => {
    if (event.effectiveDirective === 'connect-src') {
      blocked.set(event.blockedURI, event.originalPolicy);
    }
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
        const policy = [...blocked].find(([uri]) => uri.startsWith(address.origin))?.[1];
        if (policy !== undefined) throw refused(address, policy, error);
        throw new HeadlightError('network', `${address.host} could not be reached.`, {
          hint:
            address.origin === self.location.origin
              ? 'Check the connection, then try again.'
              : 'Check the connection and the address. If both are right, the host does not let other pages read its files: its answers need the header Access-Control-Allow-Origin, with * or this page’s address.',
          cause: error,
        });
      }
    },
  };
}

/** The browser names the address that was asked for also when it was a redirect that the policy refused. */
function refused(address: URL, policy: string, cause: unknown): HeadlightError {
  const allowed = /connect-src ([^;]*)/.exec(policy)?.[1] ?? '';
  if (allowed.split(' ').some((source) => address.href.startsWith(source))) {
    return new HeadlightError(
      'network',
      `${address.host} leads on to another address, which this page’s policy does not let through.`,
      {
        hint: 'Choose a host that serves the files itself, fetch the model with the command line, or download its files and choose them here.',
        cause,
      },
    );
  }
  return new HeadlightError(
    'network',
    `This page may not send anything to ${address.host}: its policy allows its own address and the model host only.`,
    { hint: `Let ${address.origin} through first: under Settings, or beside the address.`, cause },
  );
}
