/** Ctrl-C as an AbortSignal. A second one ends the process at once. */

/** The exit code of a program that SIGINT ended. */
export const INTERRUPTED = 130;

export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return controller.signal;
}
