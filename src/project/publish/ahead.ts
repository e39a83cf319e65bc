/**
 * Reads an async generator as fast as it gives, whatever its reader does meanwhile. The Hub's client needs
 * that: an error that comes while its generator waits for its reader is lost to the reader and surfaces as an
 * unhandled rejection (`eventToGenerator` of @huggingface/hub 2.17).
 */
export async function* readAhead<Event, Result>(
  source: AsyncGenerator<Event, Result>,
): AsyncGenerator<Event, Result, void> {
  const events: Event[] = [];
  let end: { readonly result: Result } | { readonly error: unknown } | null = null;
  let wake = (): void => undefined;
  const reading = (async () => {
    try {
      for (;;) {
        const step = await source.next();
        if (step.done === true) {
          end = { result: step.value };
          return;
        }
        events.push(step.value);
        wake();
      }
    } catch (error) {
      end = { error };
    }
  })();
  const outcome = (): typeof end => end;
  void reading.then(() => {
    wake();
  });
  for (;;) {
    const event = events.shift();
    if (event !== undefined) {
      yield event;
      continue;
    }
    const ended = outcome();
    if (ended === null) {
      await new Promise<void>((resolve) => (wake = resolve));
      continue;
    }
    if ('error' in ended) throw ended.error;
    return ended.result;
  }
}
