/**
 * Which jobs run on which project, so that deleting one first stops and awaits what still writes to it.
 * Also across engines of one origin (two tabs): a run is only kept where its project still is.
 */
import { abortedError, type Job } from '../base';

export class RunningJobs {
  readonly #running = new Map<
    string,
    Set<{ readonly stop: () => void; readonly done: Promise<void> }>
  >();

  /** Runs a job of a project; `start` is handed a signal that also fires when the project is deleted. */
  async *of<Result>(
    project: string,
    signal: AbortSignal | undefined,
    start: (signal: AbortSignal) => Job<Result>,
  ): Job<Result> {
    const controller = new AbortController();
    const forward = (): void => {
      controller.abort();
    };
    if (signal?.aborted) throw abortedError();
    signal?.addEventListener('abort', forward);
    let finished: () => void = () => undefined;
    const entry = {
      stop: forward,
      done: new Promise<void>((resolve) => (finished = resolve)),
    };
    const jobs = this.#running.get(project) ?? new Set();
    this.#running.set(project, jobs.add(entry));
    try {
      return yield* start(controller.signal);
    } finally {
      signal?.removeEventListener('abort', forward);
      jobs.delete(entry);
      finished();
    }
  }

  /**
   * Stops every job of a project (of all projects without one) and waits until none writes any more. A job
   * that nobody reads on is not waited for: it will not write either.
   */
  async stop(project?: string): Promise<void> {
    const sets = project === undefined ? [...this.#running.values()] : [this.#running.get(project)];
    const entries = sets.flatMap((set) => [...(set ?? [])]);
    for (const { stop } of entries) stop();
    await Promise.race([
      Promise.all(entries.map(({ done }) => done)),
      new Promise((resolve) => setTimeout(resolve, LONGEST_STOP_MS)),
    ]);
  }
}

/** A batch on a slow device takes seconds; then the signal is seen. */
const LONGEST_STOP_MS = 15_000;
