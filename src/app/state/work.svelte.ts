/**
 * One place where a piece of work shows: its progress while it runs, what went wrong when it fails. A
 * step owns one; an error stays beside what caused it and takes nothing else down.
 */
import { toHeadlightError, type HeadlightError, type Job, type Progress } from '../../base';

export class Work {
  #title = $state.raw('');
  #controller = $state.raw<AbortController | null>(null);
  #progress = $state.raw<Progress | null>(null);
  #error = $state.raw<HeadlightError | null>(null);
  #stopped = $state.raw(false);
  #notes = $state.raw<readonly string[]>([]);
  #ended: Promise<unknown> = Promise.resolve();

  /** What is being done, for the page's title: `Training`. */
  get title(): string {
    return this.#title;
  }
  get running(): boolean {
    return this.#controller !== null;
  }
  get stopping(): boolean {
    return this.#controller?.signal.aborted ?? false;
  }
  get progress(): Progress | null {
    return this.#progress;
  }
  get error(): HeadlightError | null {
    return this.#error;
  }
  /** Whether the person stopped the last run before its end. */
  get stopped(): boolean {
    return this.#stopped;
  }
  /** Decisions and notices of this run, oldest first. */
  get notes(): readonly string[] {
    return this.#notes;
  }
  /** Done share of the present phase in [0, 1]; null while the total is not known. */
  get share(): number | null {
    const progress = this.#progress;
    if (progress === null || progress.total === null || progress.total <= 0) return null;
    return Math.min(1, progress.done / progress.total);
  }

  /**
   * Runs a job to its end. A newer run stops the one before it and waits until that has ended.
   * @returns its result; null when it was stopped or failed (then `error` says why).
   */
  async run<Result>(
    title: string,
    start: (signal: AbortSignal) => Job<Result>,
  ): Promise<Result | null> {
    const controller = new AbortController();
    const before = this.#ended;
    this.#controller?.abort();
    const mine = this.#follow(title, start, controller, before);
    this.#ended = mine;
    return mine;
  }

  async #follow<Result>(
    title: string,
    start: (signal: AbortSignal) => Job<Result>,
    controller: AbortController,
    before: Promise<unknown>,
  ): Promise<Result | null> {
    this.#controller = controller;
    this.#title = title;
    this.#error = null;
    this.#stopped = false;
    this.#progress = null;
    this.#notes = [];
    await before;
    try {
      if (controller.signal.aborted) return null;
      const job = start(controller.signal);
      for (;;) {
        const step = await job.next();
        if (step.done) return step.value;
        if (this.#controller !== controller) continue;
        this.#progress = step.value;
        const { note } = step.value;
        if (note !== undefined && this.#notes.at(-1) !== note) this.#notes = [...this.#notes, note];
      }
    } catch (thrown) {
      const error = toHeadlightError(thrown);
      if (this.#controller === controller) {
        if (error.code === 'aborted') this.#stopped = true;
        else this.#error = error;
      }
      return null;
    } finally {
      if (this.#controller === controller) {
        if (controller.signal.aborted) this.#stopped = true;
        this.#controller = null;
        this.#progress = null;
      }
    }
  }

  /** For calls that answer at once. @returns null when it failed; then `error` says why. */
  async attempt<Result>(call: () => Promise<Result>): Promise<Result | null> {
    this.#error = null;
    try {
      return await call();
    } catch (thrown) {
      const error = toHeadlightError(thrown);
      if (error.code !== 'aborted') this.#error = error;
      return null;
    }
  }

  stop(): void {
    const controller = this.#controller;
    if (controller === null) return;
    controller.abort();
    // The same controller, seen anew: `stopping` has changed.
    this.#controller = null;
    this.#controller = controller;
  }

  dismiss(): void {
    this.#error = null;
    this.#stopped = false;
  }
}
