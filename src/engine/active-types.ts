/** The engine's part about active learning: which text to label next, and what the labels have brought so far. */
import type { Job } from '../base';
import type { RowOrigin } from '../data';
import type { ActiveAdvice, ActivePoint, ActiveStrategy, HandLabel } from '../learning/labelling';
import type { EmbedSettings, EncoderReference } from '../models';
import type { Device } from '../platform';

export interface ActiveSettings {
  readonly encoder: EncoderReference;
  readonly embed: EmbedSettings;
  readonly device: Device | 'auto';
  readonly strategy: ActiveStrategy;
  readonly seed: number;
}

/** A text to be labelled, and why it is this one. */
export interface ActiveRow {
  readonly origin: RowOrigin;
  readonly text: string;
  readonly why: ActiveWhy;
  /** The classes that the probe finds likeliest, at most nine, the likeliest first; none before there is a probe. */
  readonly likely: readonly string[];
}

export type ActiveWhy =
  /** The probe is unsure of it: its likeliest classes, two at most. */
  | {
      readonly kind: 'unsure';
      readonly likeliest: readonly { readonly label: string; readonly probability: number }[];
    }
  /** It stands for many that no labelled text stands for. `isStart`: there is no probe yet. */
  | { readonly kind: 'diverse'; readonly isStart: boolean }
  /** The teachers propose a class that has no label yet. */
  | { readonly kind: 'teacher'; readonly label: string; readonly confidence: number }
  | { readonly kind: 'random' };

export interface ActiveCurve {
  /** Ascending by labels, the last one as it is now; empty without held-out texts, or without a probe yet. */
  readonly points: readonly ActivePoint[];
  /** Texts with labels that nothing is trained on: the truth of the files, and labels by hand. */
  readonly held_out: number;
  readonly advice: ActiveAdvice;
  /** A plain sentence of the advice, with its figures. */
  readonly sentence: string;
}

export interface ActiveView {
  readonly settings: ActiveSettings;
  /** Texts that can be chosen from; of a large project some of all, drawn at random. */
  readonly pool: number;
  /** Texts of the project that may be labelled. */
  readonly rows: number;
  /** Of the pool, still to be chosen. */
  readonly open: number;
  /** Labels that the probe learns from, all and a class, in the order of the classes. */
  readonly labelled: number;
  readonly classes: readonly { readonly name: string; readonly labelled: number }[];
  /** null when no text is left. */
  readonly next: ActiveRow | null;
  readonly curve: ActiveCurve;
  /** What `undoActive` takes back; null when there is nothing. */
  readonly last: HandLabel | null;
  /** Milliseconds that the probe took to be fitted again and to score the pool; null without a probe. */
  readonly milliseconds: number | null;
}

export interface ActiveEngine {
  /**
   * Embeds the texts (kept from before where they were), fits the probe on the labels by hand, chooses a text. Labels
   * that are there count, in the order in which they were given: so it goes on after a reload.
   * @throws HeadlightError `bad-setting` when the project's labels are not made here.
   */
  startActive(project: string, settings: ActiveSettings, signal?: AbortSignal): Job<ActiveView>;
  /**
   * The next `count` texts, at most 100, the first one first.
   * @throws HeadlightError `bad-setting` before `startActive`.
   */
  nextActive(project: string, count: number): Promise<readonly ActiveRow[]>;
  /** `labelRow`, the probe fitted again, and the next text. null labels skip the text. */
  labelActive(project: string, label: Omit<HandLabel, 'at'>): Promise<ActiveView>;
  /** `undoLabel`, the probe as it was, and the text of that label next. */
  undoActive(project: string): Promise<ActiveView>;
  activeCurve(project: string): Promise<ActiveCurve>;
}
