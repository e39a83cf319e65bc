/** The engine's part about labelling: teachers, labels by hand, active learning, likely label errors. */
import type { Job } from '../base';
import type { RowOrigin } from '../data';
import type { HandLabel, LabellingSettings, LabelRule } from '../learning/labelling';
import type { Device } from '../platform';

/** A figure with its 95 % interval, on labelled rows that nothing was trained on. */
export interface MeasuredShare {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly rows: number;
}

export interface TeacherView {
  /** Hash of the teacher's settings and of what it is told of the classes: its votes are kept under it. */
  readonly key: string;
  /** `Zero-shot: deberta-large-mnli`, `Similarity: all-MiniLM-L6-v2`, `Your rules`. */
  readonly name: string;
  /** Rows that it has gone through, and all. */
  readonly done: number;
  readonly rows: number;
  /** Rows it votes for (rules leave rows out). */
  readonly voted: number;
  /** On the held-out labelled rows; null when there are none, or it has not gone through them. */
  readonly accuracy: MeasuredShare | null;
  /** Of rules that have gone through all rows: how many each matches. Absent where counting would take long. */
  readonly matches?: readonly number[];
}

export interface LabellingView {
  readonly settings: LabellingSettings;
  /** Rows with a text, those with held-out truth included. */
  readonly rows: number;
  readonly teachers: readonly TeacherView[];
  /** All teachers together, as the accept settings say; null before one has voted. */
  readonly proposed: {
    readonly accuracy: MeasuredShare | null;
    /** Rows a class, in the order of the classes: proposed, accepted. */
    readonly classes: readonly {
      readonly name: string;
      readonly proposed: number;
      readonly accepted: number;
    }[];
    /** Counts of confidences in 20 equal bins of [0, 1]. */
    readonly confidence: readonly number[];
    /** Share of the rows that several teachers voted for on which all agree; null with one teacher. */
    readonly agreement: number | null;
  } | null;
  readonly hand: {
    readonly labelled: number;
    readonly held_out: number;
    readonly skipped: number;
    /** Labelled by hand, a class. */
    readonly classes: readonly number[];
    /** What `undoLabel` takes back. */
    readonly last: HandLabel | null;
  };
  /** Rows of the files whose labels are the truth to measure by. */
  readonly truth_rows: number;
}

export interface TeacherEstimate {
  readonly texts_per_second: number;
  readonly seconds: number;
  readonly device: Device;
  /** Plain sentences; of a large model that the companion would do it. */
  readonly advice: readonly string[];
}

export interface ReviewQuery {
  /** `open`: not labelled by hand yet. Rows whose truth the file says come with `all` only, or once labelled by hand. */
  readonly state: 'all' | 'open' | 'hand' | 'skipped' | 'accepted' | 'left';
  /** Proposed class; null: any. */
  readonly label: string | null;
  readonly confidence: readonly [number, number] | null;
  /** Only rows on which the teachers disagree. */
  readonly disagreement: boolean;
  readonly order: 'file' | 'unsure' | 'sure' | 'disagreement';
  readonly from: number;
  /** At most 200. */
  readonly count: number;
}

export interface ReviewRow {
  readonly origin: RowOrigin;
  readonly text: string;
  /** What the teachers together propose; null where none voted. */
  readonly proposed: {
    readonly label: string;
    readonly confidence: number;
    /** In the order of the classes. */
    readonly probabilities: readonly number[];
  } | null;
  /** The label of each teacher, null where it does not vote. */
  readonly votes: readonly (string | null)[];
  readonly accepted: boolean;
  readonly hand: HandLabel | null;
}

export interface ReviewPage {
  readonly rows: readonly ReviewRow[];
  readonly total: number;
}

export interface LabellingEngine {
  /** @throws HeadlightError `bad-setting` when the project's labels are not made here. */
  labelling(project: string): Promise<LabellingView>;
  /**
   * Votes that the change does not touch stay; those of the last few settings too, so that going back costs nothing.
   * @param renamed new names of classes by old ones: labels by hand, and what the values of the truth mean, go with them.
   * @throws HeadlightError `bad-setting` naming class, rule or teacher.
   */
  configureLabelling(
    project: string,
    settings: LabellingSettings,
    renamed?: ReadonlyMap<string, string>,
  ): Promise<LabellingView>;
  /** Of each rule what is wrong with it, whatever the classes are, in words without a full stop; null: nothing. */
  ruleProblems(rules: readonly LabelRule[]): Promise<readonly (string | null)[]>;
  /** A few texts on this device. @param teacher its place among the settings' teachers. */
  estimateTeacher(project: string, teacher: number, signal?: AbortSignal): Job<TeacherEstimate>;
  /** Goes on from the committed shards. */
  runTeacher(
    project: string,
    teacher: number,
    device: Device | 'auto',
    signal?: AbortSignal,
  ): Job<LabellingView>;
  reviewRows(project: string, query: ReviewQuery): Promise<ReviewPage>;
  /** Committed when it answers. A row's newer label takes the place of its older one. */
  labelRow(project: string, label: Omit<HandLabel, 'at'>): Promise<LabellingView['hand']>;
  /** Takes back the last one. */
  undoLabel(project: string): Promise<LabellingView['hand']>;
}
