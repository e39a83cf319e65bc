/**
 * Every long piece of work is a Job: an async generator of progress events that ends in a result,
 * takes an AbortSignal, and commits what it has done, so that stopping it loses at most one shard.
 */
import type { TrainingProgress } from './training-progress';

export interface Progress {
  /** What is being done, in the field's words and in the person's: `Embedding texts`. */
  readonly phase: string;
  readonly done: number;
  /** null while it is not known. */
  readonly total: number | null;
  /** What is counted: `texts`, `MB`, `fits`, `rows`. */
  readonly unit: string;
  /** Units a second, measured lately; null until measured. */
  readonly rate: number | null;
  /** Seconds left in this phase; null until known, 0 once all is done. */
  readonly secondsLeft: number | null;
  /** A line to be read: a decision just taken and its reason, a notice. */
  readonly note?: string;
  /** Of a download: the file that comes just now, in bytes. */
  readonly file?: FileProgress;
  /** The curves of a training. */
  readonly training?: TrainingProgress;
}

export interface FileProgress {
  readonly name: string;
  readonly bytes: number;
  /** null while it is not known. */
  readonly totalBytes: number | null;
  /** The first is 1. */
  readonly number: number;
  /** Of all files. */
  readonly count: number;
}

export type Job<Result> = AsyncGenerator<Progress, Result, void>;

/** Measures rate and time left for one phase; call `at(done)` for each progress event. */
export class ProgressMeter {
  readonly #phase: string;
  readonly #unit: string;
  readonly #total: number | null;
  readonly #start: number;
  readonly #startDone: number;

  /** @param startDone units already done before this run (a resumed job), left out of the rate. */
  constructor(phase: string, unit: string, total: number | null, startDone = 0) {
    this.#phase = phase;
    this.#unit = unit;
    this.#total = total;
    this.#start = performance.now();
    this.#startDone = startDone;
  }

  at(done: number, note?: string): Progress {
    const seconds = (performance.now() - this.#start) / 1000;
    const here = done - this.#startDone;
    const rate = seconds > 0.05 && here > 0 ? here / seconds : null;
    const left = this.#total === null ? null : Math.max(0, this.#total - done);
    const secondsLeft = left === 0 ? 0 : left !== null && rate !== null ? left / rate : null;
    return {
      phase: this.#phase,
      done,
      total: this.#total,
      unit: this.#unit,
      rate,
      secondsLeft,
      ...(note === undefined ? {} : { note }),
    };
  }
}

/** Runs a job to its end, handing each progress event to `onProgress`. */
export async function finish<Result>(
  job: Job<Result>,
  onProgress?: (progress: Progress) => void,
): Promise<Result> {
  for (;;) {
    const step = await job.next();
    if (step.done) return step.value;
    onProgress?.(step.value);
  }
}
