/** Lets messages in (a stop, a question) between two pieces of blocking work. */

const BETWEEN_MS = 40;

/**
 * A worker that only awaits ONNX Runtime never returns to its event loop: WASM runs inside the call and
 * resolves as a microtask, so a stop would not be heard. Call `pauser()` once and the result often; it
 * waits for a turn of the event loop at most every 40 ms, since timers cost up to 4 ms each.
 */
export function pauser(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < BETWEEN_MS) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    last = performance.now();
  };
}
