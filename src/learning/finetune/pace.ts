/** How fast a training goes, and how long it will take. */

/** Steps over which the pace is averaged: lengths vary from batch to batch, and the first step compiles. */
const WINDOW = 30;

export class Pace {
  /** Of this run and those before it (checkpoints). */
  #seconds = 0;
  #tokens = 0;
  readonly #recent: { readonly seconds: number; readonly tokens: number }[] = [];
  #stepsHere = 0;
  #evaluationSeconds: number | null = null;

  stepped(seconds: number, tokens: number): void {
    this.#seconds += seconds;
    this.#tokens += tokens;
    this.#stepsHere += 1;
    // The first step makes the session; it would be taken for the pace.
    if (this.#stepsHere === 2) this.#recent.length = 0;
    this.#recent.push({ seconds, tokens });
    if (this.#recent.length > WINDOW) this.#recent.shift();
  }

  evaluated(seconds: number): void {
    this.#seconds += seconds;
    this.#evaluationSeconds = seconds;
  }

  stepsPerSecond(): number | null {
    const seconds = this.#recent.reduce((sum, step) => sum + step.seconds, 0);
    return seconds > 0 ? this.#recent.length / seconds : null;
  }

  tokensPerSecond(): number | null {
    const seconds = this.#recent.reduce((sum, step) => sum + step.seconds, 0);
    const tokens = this.#recent.reduce((sum, step) => sum + step.tokens, 0);
    return seconds > 0 ? tokens / seconds : null;
  }

  /** Of training and evaluations; evaluations count from the first that was made. */
  secondsLeft(steps: number, evaluations: number): number | null {
    const rate = this.stepsPerSecond();
    if (rate === null) return null;
    return steps / rate + evaluations * (this.#evaluationSeconds ?? 0);
  }

  totals(): { readonly seconds: number; readonly tokens: number } {
    return { seconds: this.#seconds, tokens: this.#tokens };
  }

  restore(seconds: number, tokens: number): void {
    this.#seconds = seconds;
    this.#tokens = tokens;
  }
}
