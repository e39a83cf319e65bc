/** What keeps Headlight from running at this address or in this browser, found before anything is started. */
import { HeadlightError } from '../../base';

const CHECK = 'headlight-check';
/** A database that does not open in this time may still do so; the page then finds out by itself. */
const OPENS_WITHIN_MS = 5_000;

/** Returns what to tell the person; null when everything that is needed is there. */
export async function obstacle(): Promise<HeadlightError | null> {
  if (!self.isSecureContext) {
    return new HeadlightError(
      'storage',
      `Headlight cannot run at ${location.origin}: over plain http a browser gives a page no cryptography, no service worker and no isolation.`,
      {
        hint: 'Open it over https, or on the machine that serves it as http://localhost. From another machine, forward the port first: ssh -L 5273:localhost:5273 NAME-OF-THE-MACHINE.',
      },
    );
  }
  if (typeof WebAssembly === 'undefined') {
    return new HeadlightError(
      'device',
      'Headlight needs WebAssembly, which is switched off here.',
      {
        hint: 'Allow it for this site (a lockdown or strict security mode forbids it), then reload.',
      },
    );
  }
  const cause = await storageFailure();
  if (cause === null) return null;
  return new HeadlightError(
    'storage',
    'Headlight keeps your projects in this browser’s storage, and this browser gives it none.',
    {
      hint: 'Allow this site to store data (cookies and site data, in the browser’s settings), or open it in an ordinary window, then reload. It never sends what it stores.',
      cause,
    },
  );
}

/** Why nothing can be stored here; null when it can. */
async function storageFailure(): Promise<unknown> {
  try {
    await new Promise<void>((resolve, reject) => {
      setTimeout(resolve, OPENS_WITHIN_MS);
      const request = indexedDB.open(CHECK); // throws, or fails, where site data is blocked
      request.addEventListener('error', () => reject(request.error ?? new Error('not opened')));
      request.addEventListener('success', () => {
        request.result.close();
        indexedDB.deleteDatabase(CHECK);
        resolve();
      });
    });
    return null;
  } catch (error) {
    return error ?? new Error('not opened');
  }
}
