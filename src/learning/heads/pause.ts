/** Lets messages in (a stop, a question) between two pieces of blocking work. */
import { throwIfAborted } from '../../base';

const BETWEEN_MS = 40;

/**
 * tfjs' WASM backend computes inside the call, so awaiting it never returns to the event loop (native products return to
 * it, each). The result is called often; it waits for a turn of the event loop at most every 40 ms, then throws
 * `aborted` when the signal is.
 */
export function stopping(signal: AbortSignal | undefined): () => Promise<void> {
  let last = performance.now();
  return async () => {
    throwIfAborted(signal);
    if (performance.now() - last < BETWEEN_MS) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    last = performance.now();
    throwIfAborted(signal);
  };
}
