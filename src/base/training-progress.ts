/** What a training shows while it runs; rides on a Progress event. */

/** One point of the curves. */
export interface CurvePoint {
  readonly step: number;
  readonly epoch: number;
  /** Mean training loss since the point before. */
  readonly loss: number | null;
  readonly learning_rate: number | null;
  /** Norm of the gradients before clipping. */
  readonly grad_norm: number | null;
  readonly evaluation: EvaluationPoint | null;
}

export interface EvaluationPoint {
  readonly loss: number;
  readonly accuracy: number;
  /** Macro F1 for texts, entity-level F1 (seqeval) for tokens. */
  readonly f1: number;
}

export interface TrainingProgress {
  readonly step: number;
  readonly steps: number;
  readonly epoch: number;
  readonly epochs: number;
  readonly tokensPerSecond: number | null;
  /** New since the event before. */
  readonly points: readonly CurvePoint[];
  /** Step of the best evaluation so far; null before one. */
  readonly bestStep: number | null;
  /** Step of the last checkpoint that was committed. */
  readonly savedStep: number | null;
}
