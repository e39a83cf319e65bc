/**
 * Counts the requests of this realm (a page or a worker) by origin, from its start, as the browser itself
 * reports them (resource timing): requests that a library makes behind our back are counted too.
 * A request counts once it has ended. `data:` and `blob:` addresses never leave the device and are not
 * counted.
 */
import type { RequestCount } from '../platform';

export class RequestCounter {
  readonly #counts = new Map<string, number>();
  readonly #observer: PerformanceObserver;

  constructor() {
    this.#observer = new PerformanceObserver((list) => this.#add(list.getEntries()));
    this.#observer.observe({ type: 'resource', buffered: true });
  }

  counts(): readonly RequestCount[] {
    this.#add(this.#observer.takeRecords());
    return [...this.#counts].map(([origin, count]) => ({ origin, count }));
  }

  #add(entries: readonly PerformanceEntry[]): void {
    for (const { name } of entries) {
      const url = new URL(name, self.location.href);
      if (url.protocol !== 'http:' && url.protocol !== 'https:') continue;
      const origin = url.origin === self.location.origin ? 'self' : url.origin;
      this.#counts.set(origin, (this.#counts.get(origin) ?? 0) + 1);
    }
  }
}
