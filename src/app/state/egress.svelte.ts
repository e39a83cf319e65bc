/** What has left this device: every request of the page, its workers and its service worker since load. */
import type { Engine, RequestCount } from '../../engine';
import type { BackgroundRequests, EgressStatus, Shell } from './shell';
import { Work } from './work.svelte';

export class Egress {
  readonly #engine: Engine;
  readonly #shell: Shell;
  #status = $state.raw<EgressStatus | null>(null);
  #modelHost = $state.raw<string | null>(null);
  #folder = $state.raw<string | null>(null);
  #page = $state.raw<readonly RequestCount[]>([]);
  #workers = $state.raw<readonly RequestCount[]>([]);
  #background = $state.raw<readonly BackgroundRequests[]>([]);
  #complete = $state.raw(true);
  /** Finding out what holds. */
  readonly work = new Work();

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
  /** The folder on the web that the policy lets through; null: none. */
  get folder(): string | null {
    return this.#folder;
  }
  /** What the policy lets through beside the page's own address. */
  get sources(): readonly string[] {
    const host = this.#modelHost === null ? [] : this.#shell.modelHostSources(this.#modelHost);
    return this.#folder === null ? host : [...host, this.#folder];
  }
  get page(): readonly RequestCount[] {
    return this.#page;
  }
  get workers(): readonly RequestCount[] {
    return this.#workers;
  }
  /** The service worker's own, and thread workers'. */
  get background(): readonly BackgroundRequests[] {
    return this.#background;
  }
  /** Whether the workers answered when they were last asked for their requests. */
  get complete(): boolean {
    return this.#complete;
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
    for (const { origin, count } of this.#all) {
      if (origin !== 'self') counts[origin] = (counts[origin] ?? 0) + count;
    }
    return Object.entries(counts)
      .map(([origin, count]) => ({ origin, count }))
      .sort((a, b) => b.count - a.count);
  }

  /** What fails leaves its part unknown, and `work` says why. */
  async start(): Promise<void> {
    await this.work.attempt(async () => {
      const asked = await Promise.allSettled([
        this.#shell.egressStatus(),
        this.#shell.allowedModelHost(),
        this.#shell.allowedFolder(),
      ]);
      const [status, modelHost, folder] = asked;
      if (status.status === 'fulfilled') this.#status = status.value;
      if (modelHost.status === 'fulfilled') this.#modelHost = modelHost.value;
      if (folder.status === 'fulfilled') this.#folder = folder.value;
      const failed = asked.find((answer) => answer.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    });
    await this.count();
  }

  async count(): Promise<void> {
    this.#page = this.#shell.requests();
    this.#background = this.#shell.backgroundRequests();
    try {
      this.#workers = await this.#engine.requests();
      this.#complete = true;
    } catch {
      this.#complete = false; // said in the line; why the workers are silent is said where they failed
    }
  }

  get #all(): readonly RequestCount[] {
    return [...this.#page, ...this.#workers, ...this.#background];
  }

  #sum(counts: (origin: string) => boolean): number {
    return this.#all.reduce((sum, { origin, count }) => sum + (counts(origin) ? count : 0), 0);
  }
}
