/**
 * Progress on stderr: one line that changes on a terminal; elsewhere a line for each phase, each notice,
 * and every ten seconds.
 */
import type { Job, Progress } from '../src/base';

const PLAIN_EVERY_MILLISECONDS = 10_000;
const REDRAW_EVERY_MILLISECONDS = 80;

export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export class ProgressLine {
  readonly #out: Terminal;
  readonly #quiet: boolean;
  #phase = '';
  #loss: number | null = null;
  #drawn = 0;
  #width = 0;

  constructor(out: Terminal, quiet = false) {
    this.#out = out;
    this.#quiet = quiet;
  }

  /** Runs a job to its end, showing its progress. */
  async follow<Result>(job: Job<Result>): Promise<Result> {
    try {
      for (;;) {
        const step = await job.next();
        if (step.done) return step.value;
        this.show(step.value);
      }
    } finally {
      this.clear();
    }
  }

  show(progress: Progress, now = performance.now()): void {
    if (this.#quiet) return;
    if (progress.note !== undefined) this.notice(progress.note);
    for (const { loss, step, evaluation } of progress.training?.points ?? []) {
      this.#loss = loss ?? this.#loss;
      if (evaluation !== null) {
        this.notice(
          `Step ${step}: held-out loss ${figure(evaluation.loss)}, accuracy ${figure(evaluation.accuracy)}, F1 ${figure(evaluation.f1)}`,
        );
      }
    }
    const phase = `${progress.phase}/${progress.file?.name ?? ''}`;
    const isNew = phase !== this.#phase;
    const isLast = progress.total !== null && progress.done >= progress.total;
    const every = this.#out.isTTY === true ? REDRAW_EVERY_MILLISECONDS : PLAIN_EVERY_MILLISECONDS;
    if (!isNew && !isLast && now - this.#drawn < every) return;
    this.#phase = phase;
    this.#drawn = now;
    const line = describeProgress(progress, this.#loss);
    if (this.#out.isTTY !== true) {
      this.#out.write(`${line}\n`);
      return;
    }
    const cut = line.slice(0, Math.max(20, (this.#out.columns ?? 80) - 1));
    this.#out.write(`\r${cut.padEnd(this.#width)}`);
    this.#width = cut.length;
  }

  /** A line that stays. */
  notice(text: string): void {
    if (this.#quiet) return;
    this.clear();
    this.#out.write(`${text}\n`);
  }

  clear(): void {
    if (this.#width > 0) this.#out.write(`\r${' '.repeat(this.#width)}\r`);
    this.#width = 0;
    this.#phase = '';
  }
}

/**
 * `Embedding texts: 1,200 of 5,000 texts, 410 a second, 9 s left`; of a training
 * `Fine-tuning: 120 of 900 steps, loss 0.412, 2,300 tokens a second, 3 min left`.
 */
export function describeProgress(
  { phase, done, total, unit, rate, secondsLeft, file, training }: Progress,
  loss: number | null = null,
): string {
  if (total === null && done === 0) return phase;
  // Of a file that is smaller than a megabyte, both are told in kilobytes.
  const small = unit === 'MB' && total !== null && total < 1;
  const amount = (value: number): string => count(small ? Math.ceil(value * 1000) : value);
  const of = total === null ? '' : ` of ${amount(total)}`;
  const parts = [`${phase}: ${amount(done)}${of} ${small ? 'kB' : unit}`];
  const running = total === null || done < total;
  if (file !== undefined && running) parts.push(`${file.name} (${file.number} of ${file.count})`);
  if (training !== undefined && loss !== null) parts.push(`loss ${figure(loss)}`);
  if (running && (training?.tokensPerSecond ?? null) !== null)
    parts.push(`${count(training?.tokensPerSecond ?? 0)} tokens a second`);
  else if (running && rate !== null) parts.push(`${count(rate)} a second`);
  if (running && secondsLeft !== null) parts.push(`${duration(secondsLeft)} left`);
  return parts.join(', ');
}

function figure(value: number): string {
  return value.toFixed(3);
}

function count(value: number): string {
  const digits = value < 100 && !Number.isInteger(value) ? 1 : 0;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}

export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const minutes = seconds / 60;
  return minutes < 90 ? `${Math.round(minutes)} min` : `${(minutes / 60).toFixed(1)} h`;
}
