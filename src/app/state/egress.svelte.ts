/** What has left this device: every request of the page and of its workers since load, by origin. */
import type { Engine, RequestCount } from '../../engine';
import type { EgressStatus, Shell } from './shell';

export class Egress {
  readonly #engine: Engine;
  readonly #shell: Shell;
  #status = $state.raw<EgressStatus | null>(null);
  #modelHost = $state.raw<string | null>(null);
  #page = $state.raw<readonly RequestCount[]>([]);
  #workers = $state.raw<readonly RequestCount[]>([]);

  constructor(engine: Engine, shell: Shell) {
    this.#engine = engine;
    this.#shell = shell;
  }

  /** null until it has been tried. */
  get status(): EgressStatus | null {
    return this.#status;
  }
  /** The model host that the policy lets through; null: none. */
  get modelHost(): string | null {
    return this.#modelHost;
  }
  get page(): readonly RequestCount[] {
    return this.#page;
  }
  get workers(): readonly RequestCount[] {
    return this.#workers;
  }
  /** Requests to the page's own address. */
  get own(): number {
    return this.#sum((origin) => origin === 'self');
  }
  get total(): number {
    return this.#sum(() => true);
  }
  /** Other origins with their requests, the most first. */
  get others(): readonly RequestCount[] {
    const counts: Record<string, number> = {};
    for (const { origin, count } of [...this.#page, ...this.#workers]) {
      if (origin !== 'self') counts[origin] = (counts[origin] ?? 0) + count;
    }
    return Object.entries(counts)
      .map(([origin, count]) => ({ origin, count }))
      .sort((a, b) => b.count - a.count);
  }

  async start(): Promise<void> {
    const [status, modelHost] = await Promise.all([
      this.#shell.egressStatus(),
      this.#shell.allowedModelHost(),
    ]);
    this.#status = status;
    this.#modelHost = modelHost;
    await this.count();
  }

  async count(): Promise<void> {
    this.#page = this.#shell.requests();
    this.#workers = await this.#engine.requests();
  }

  #sum(counts: (origin: string) => boolean): number {
    return [...this.#page, ...this.#workers].reduce(
      (sum, { origin, count }) => sum + (counts(origin) ? count : 0),
      0,
    );
  }
}
