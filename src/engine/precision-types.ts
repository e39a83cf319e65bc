/** What comparing an encoder's precisions asks and answers: see `comparePrecisions`. */
import type { Job } from '../base';
import type { EmbedSettings, EncoderReference, Precision } from '../models';
import type { Device } from '../platform';
import type { EncoderEntry } from './models-types';
import type { MainFigure } from './report-types';

export interface PrecisionSettings {
  readonly device: Device | 'auto';
  /** Training rows drawn, one half for the probe to learn from and the other to test it on. */
  readonly rows: number;
  readonly seed: number;
}

/** The made precision against the reference, on the same held-out rows. */
export interface ProbeDifference {
  /** The figure of the made precision minus that of the reference. */
  readonly difference: number;
  /** 95 %, paired. */
  readonly interval: readonly [number, number];
  readonly p_value: number;
}

export interface ComparedPrecision {
  readonly precision: Precision;
  /** Of the weights as they are kept in memory. */
  readonly bytes: number;
  /** To the reference, over all rows that were drawn; null of the reference itself. */
  readonly meanCosine: number | null;
  readonly leastCosine: number | null;
  /** Of a probe that learned and was tested in this precision; null where the data has no probe. */
  readonly value: number | null;
  readonly against: ProbeDifference | null;
  readonly millisecondsPerText: number;
  /** The device that it ran on, where that is not the one of the others. */
  readonly device: Device;
}

export interface PrecisionComparison {
  readonly encoder: EncoderReference;
  readonly embed: EmbedSettings;
  readonly device: Device;
  readonly seed: number;
  /** The most exact that can be made: what the others are compared with. */
  readonly reference: Precision;
  /** Training rows that were embedded. */
  readonly rows: number;
  readonly learnedRows: number;
  readonly testedRows: number;
  /** null where the data has no probe: only cosines then. */
  readonly figure: MainFigure | null;
  /** The most exact first. */
  readonly precisions: readonly ComparedPrecision[];
  /** The smallest of which no loss is to be seen. */
  readonly advised: Precision;
  /** One or two plain sentences. */
  readonly advice: string;
  readonly notes: readonly string[];
}

export const DEFAULT_PRECISION_ROWS = 400;

export interface PrecisionEngine {
  /**
   * Makes every precision of an encoder's weights that can be made, and measures each on rows of the project's
   * training part (the test part stays unseen): bytes, cosine to the most exact, what a probe scores, time a text.
   * @throws HeadlightError `bad-setting` when there is only one, `not-found`, as `train`.
   */
  comparePrecisions(
    project: string,
    encoder: EncoderReference,
    embed: EmbedSettings,
    settings: PrecisionSettings,
    signal?: AbortSignal,
  ): Job<PrecisionComparison>;
  /**
   * Lists an encoder that is on this device in another precision too: of the same files, nothing is downloaded.
   * @throws HeadlightError `bad-setting` when it cannot be made, `not-found` when the files are gone.
   */
  keepPrecision(
    encoder: EncoderReference,
    precision: Precision,
    signal?: AbortSignal,
  ): Job<EncoderEntry>;
}
