/** Rows of a run as they are shown: a page of them, or all of them on a map. */
import type { Job } from '../base';

/** One of the four counts of a label. */
export interface LabelCell {
  /** Class index. */
  readonly label: number;
  readonly actual: boolean;
  readonly predicted: boolean;
}

export interface RowQuery {
  readonly part: 'train' | 'validation' | 'test';
  /** Only rows that were predicted wrong: those it was most sure of first. */
  readonly wrongOnly?: boolean;
  /** Class indices; null for any. Of several labels a row: rows that have this label, or were given it. */
  readonly actual: number | null;
  readonly predicted: number | null;
  /** Several labels a row: rows that have or lack this label, and were or were not given it. */
  readonly cell?: LabelCell | null;
  readonly offset: number;
  readonly limit: number;
}

export interface RowPage {
  readonly total: number;
  readonly rows: readonly {
    /** Index into the labelled texts of the run, for `setLabel`. */
    readonly index: number;
    readonly text: string;
    /** The second text of a pair; null without. */
    readonly pair: string | null;
    /** Token classification: the row is a word of `text`; which one of those divided by spaces. Else null. */
    readonly word: number | null;
    readonly actual: number;
    readonly predicted: number;
    /** Probability of the predicted class; of several labels the one it is surest of (of a wrong row: wrongly). */
    readonly probability: number;
    /** Several labels a row: what it has and what it was given, as class indices; else null. */
    readonly labels: {
      readonly actual: readonly number[];
      readonly predicted: readonly number[];
    } | null;
    readonly file: string;
    readonly line: number;
    /** Row of the file, as a `set_label` repair names it. */
    readonly fileRow: number;
  }[];
}

export interface TextMapSettings {
  /** Texts at most: as many of each class and part as their share, drawn by the seed. */
  readonly n: number;
  readonly seed: number;
}

export const DEFAULT_TEXT_MAP: TextMapSettings = { n: 3000, seed: 0 };

/** A run's texts in two dimensions; every list has an entry for each text of the map. */
export interface TextMap {
  readonly run: string;
  /** What is near each other: texts alike in the encoder's features, or in the scores of the classes. */
  readonly space: 'features' | 'scores';
  /** Texts of the run; the map may show fewer. */
  readonly rowsOfRun: number;
  /** [texts, 2], row-major; the scale means nothing. */
  readonly xy: Float32Array;
  /** Share of each text's ten nearest that are still among its ten nearest on the map; null for one text. */
  readonly kept: number | null;
  /** Texts whose features were no numbers, put in the middle. */
  readonly broken: number;
  readonly classes: readonly string[];
  /** Whether a text may have several labels. */
  readonly several: boolean;
  /** Index into the labelled texts of the run, for `setLabel`. */
  readonly row: Int32Array;
  /** 0: training, 1: validation, 2: test. */
  readonly part: Uint8Array;
  /** Class indices; one but for several labels a text. */
  readonly actual: readonly (readonly number[])[];
  readonly predicted: readonly (readonly number[])[];
  /** Of the predicted class; of several labels of the one it is least sure to have or not to have. */
  readonly probability: Float32Array;
  /** 1 where the prediction is not the label. */
  readonly isWrong: Uint8Array;
  /** Cut where they are long. */
  readonly texts: readonly string[];
  /** Second texts; null for single texts. */
  readonly pairs: readonly string[] | null;
  readonly files: readonly string[];
  readonly lines: Int32Array;
  /** Row of its file, as a `set_label` repair names it. */
  readonly fileRows: Int32Array;
}

export interface MapEngine {
  /**
   * Texts that are alike near each other (UMAP). The same settings give the same map.
   * @throws HeadlightError `bad-setting` for token classification, `not-found`.
   */
  textMap(
    project: string,
    run: string,
    settings: TextMapSettings,
    signal?: AbortSignal,
  ): Job<TextMap>;
}
