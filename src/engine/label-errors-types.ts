/** The engine's part about labels that are likely wrong, and about texts alike with different labels. */
import type { Job } from '../base';
import type { RowOrigin } from '../data';
import type { EmbedSettings, EncoderReference } from '../models';
import type { Device } from '../platform';
import type { ExportedFile, ProjectView } from './engine';

export interface LabelErrorSettings {
  readonly encoder: EncoderReference;
  readonly embed: EmbedSettings;
  readonly device: Device | 'auto';
  /** Each row is judged by probes that learned from the other folds; 2 to 20. */
  readonly folds: number;
  readonly seed: number;
  /** Texts whose embeddings have at least this cosine count as alike; in (0, 1). */
  readonly alike: number;
}

export const DEFAULT_LABEL_ERRORS: Pick<LabelErrorSettings, 'folds' | 'seed' | 'alike'> = {
  folds: 5,
  seed: 0,
  alike: 0.95,
};

/** The last look for likely wrong labels of a project. It stays; what was mended since is told by the rows. */
export interface LabelErrorsView {
  readonly settings: LabelErrorSettings;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Rows that were judged: training, validation and test part. */
  readonly rows: number;
  readonly several: boolean;
  /** Rows whose label is likely wrong. */
  readonly listed: number;
  /** Rows a class with that label, and how many of them are listed. */
  readonly classes: readonly {
    readonly name: string;
    readonly rows: number;
    readonly listed: number;
  }[];
  /**
   * The commonest confusions, most rows first, 20 at most: rows labelled `given` that are likely `likely`, by the
   * calibrated joint. Several labels a row: `given` or `likely` is null where a label is missing or too many.
   */
  readonly confusions: readonly {
    readonly given: string | null;
    readonly likely: string | null;
    readonly rows: number;
  }[];
  /** Share of rows whose label the probes that had not seen them predict; of several labels, of all labels of all rows. */
  readonly agreement: number;
  /** Pairs of texts alike with different labels; those that are kept, and whether all rows were compared. */
  readonly pairs: {
    readonly listed: number;
    readonly found: number;
    readonly complete: boolean;
  };
  /** Plain sentences. */
  readonly notes: readonly string[];
  readonly seconds: number;
  /** Whether columns, files or classes have changed since, so that it should be looked anew. */
  readonly outdated: boolean;
  /** Listed rows by what became of them. */
  readonly states: Readonly<Record<LabelErrorState, number>>;
}

/** `kept`: a person looked, and the label is right; `mended`: it has another label now. */
export type LabelErrorState = 'open' | 'kept' | 'mended';
export type LabelledPart = 'train' | 'validation' | 'test';

/** A row with the label that it has now. */
export interface JudgedRow {
  readonly origin: RowOrigin;
  readonly text: string;
  /** Names: one, or of several labels all that it has; as they were judged, and as they are now. */
  readonly given: readonly string[];
  readonly labels: readonly string[];
  readonly part: LabelledPart;
  readonly state: LabelErrorState;
}

export interface LabelErrorRow extends JudgedRow {
  readonly suggested: readonly string[];
  /** Of the suggestion, and of the given label; of several labels of what changes, the least sure. */
  readonly probability: number;
  readonly given_probability: number;
}

export interface RowPlace {
  readonly file: string;
  /** 0-based row of that table. */
  readonly row: number;
}

export interface AlikePair {
  readonly a: JudgedRow;
  readonly b: JudgedRow;
  /** Of their embeddings; 1 for one text. */
  readonly cosine: number;
  /** Of each: other rows with the same text and the same label, which are mended with it. */
  readonly copies: readonly [readonly RowPlace[], readonly RowPlace[]];
}

export interface LabelErrorQuery {
  readonly state: LabelErrorState | 'all';
  /** As judged; null: any. */
  readonly given: string | null;
  readonly suggested: string | null;
  readonly part: LabelledPart | null;
  readonly from: number;
  /** At most 200. */
  readonly count: number;
}

export interface LabelErrorPage {
  readonly total: number;
  readonly rows: readonly LabelErrorRow[];
}

export interface AlikePage {
  readonly total: number;
  readonly pairs: readonly AlikePair[];
}

export interface LabelChange extends RowPlace {
  /** Names; null: as it stood before it was mended. */
  readonly labels: readonly string[] | null;
}

export interface LabelErrorsEngine {
  /**
   * Judges every labelled row by probes on the encoder's features that have not seen it (confident learning), and
   * compares texts that are alike. Features go on from committed shards. The result is kept with the project.
   * @throws HeadlightError `bad-setting` for data without one text and classes a row, `bad-labels`, as `train`.
   */
  labelErrors(
    project: string,
    settings: LabelErrorSettings,
    signal?: AbortSignal,
  ): Job<LabelErrorsView>;
  /** The last one; null when none was made. */
  lastLabelErrors(project: string): Promise<LabelErrorsView | null>;
  /** Likeliest errors first. @throws HeadlightError `not-found` when none was looked for. */
  labelErrorRows(project: string, query: LabelErrorQuery): Promise<LabelErrorPage>;
  /** Nearest first. @throws HeadlightError `not-found` when none was looked for. */
  alikePairs(project: string, from: number, count: number): Promise<AlikePage>;
  /** Remembers that a person looked and the labels are right as they are, or forgets it. */
  keepLabels(project: string, rows: readonly RowPlace[], kept: boolean): Promise<void>;
  /**
   * Mends labels where they stand: `set_label` repairs, or labels by hand where labels are made here.
   * @throws HeadlightError `bad-setting` naming row and label.
   */
  mendLabels(
    project: string,
    changes: readonly LabelChange[],
    signal?: AbortSignal,
  ): Job<ProjectView>;
  /** All listed rows as CSV, with what became of them. @throws HeadlightError `not-found`. */
  labelErrorsFile(project: string): Promise<ExportedFile>;
}
