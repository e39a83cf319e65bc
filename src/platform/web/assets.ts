/** `Assets`: files that ship with the page, read from the page's own address. */
import { HeadlightError } from '../../base';
import type { Assets, Network } from '../platform';

export function createAssets(base: URL, network: Network): Assets {
  return {
    async read(path, onBytes) {
      const url = new URL(path, base);
      const response = await network.fetch(url.href);
      // A host that answers every address with its page has not got the file either.
      const isPage = response.headers.get('content-type')?.startsWith('text/html') === true;
      if (!response.ok || (isPage && !path.endsWith('.html'))) {
        await response.body?.cancel();
        throw new HeadlightError('not-found', `${path} does not ship with this page.`, {
          hint: `${url.href} answered ${response.ok ? 'with a page' : String(response.status)}; was the folder copied whole?`,
        });
      }
      return readBody(response, onBytes);
    },
  };
}

/**
 * The whole body of a response.
 * @param onBytes called with the bytes so far and the total, null when the server does not say or
 *   compresses on the way.
 * @throws HeadlightError `network` when the connection breaks.
 */
export async function readBody(
  response: Response,
  onBytes?: (done: number, total: number | null) => void,
): Promise<Uint8Array> {
  const length = response.headers.get('content-length');
  const encoded = response.headers.has('content-encoding');
  const total = length === null || encoded ? null : Number(length);
  const chunks: Uint8Array[] = [];
  let done = 0;
  try {
    if (response.body !== null) {
      for (const reader = response.body.getReader(); ;) {
        const step = await reader.read();
        if (step.done) break;
        chunks.push(step.value);
        done += step.value.byteLength;
        onBytes?.(done, total);
      }
    }
  } catch (error) {
    throw new HeadlightError('network', `The connection broke while reading ${response.url}.`, {
      hint: 'Try again.',
      cause: error,
    });
  }
  if (total !== null && done !== total) {
    throw new HeadlightError('network', `${response.url} sent ${done} of ${total} bytes.`, {
      hint: 'Try again.',
    });
  }
  const bytes = new Uint8Array(done);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}
