/** What bench `large` asks of every place alike, and what each gives. */

/** Rows of a batch, tokens of a row, steps. */
export const TRAINING = [4, 64, 3] as const;
/** Texts to embed, and their words. */
export const ROWS = 32;
export const WORDS = 40;
export const THREADS = 2;

export interface LargeFigures {
  readonly load: number;
  /** Session and first text. */
  readonly open: number;
  readonly rowsPerSecond: number;
  readonly embedPeak: number;
  readonly secondsPerStep: number;
  readonly trainPeak: number;
  /** What the estimate before training says it takes. */
  readonly promised: number | null;
}
