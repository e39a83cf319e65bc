/** What a record says of labels that were made here: the teachers on the student's own test rows, and its rounds. */
import type { McNemar, PairedMicroF1 } from '../learning/evaluate';

/** The teachers together on the rows that the run was tested on; only where these have true labels. */
export interface TeacherFigures {
  readonly teachers: readonly string[];
  readonly rows: number;
  /** Rows on which no teacher voted: they count as wrong. */
  readonly unvoted: number;
  /** Of one class a row accuracy, of several labels micro-F1. */
  readonly figure: 'accuracy' | 'f1_micro';
  readonly value: number;
  /** 95 %: Wilson's, or the bootstrap's; null where there is none to give. */
  readonly interval: readonly [number, number] | null;
  /** The student is the first; of several labels whether every label of a row is right. */
  readonly test: McNemar;
  /** Of several labels, the student is the first; else null. */
  readonly micro_f1: PairedMicroF1 | null;
}

/** One round of self-training. */
export interface StudentRound {
  /** 0: the first fit, from the labels alone. */
  readonly round: number;
  /** Texts without a label that joined for it. */
  readonly joined: number;
  /** Of them those of each class, in the order of the classes. */
  readonly classes: readonly number[];
  /** What it came to on the test part, accuracy or micro-F1: told, never chosen by. */
  readonly test: number;
  readonly interval: readonly [number, number] | null;
}

/** Self-training: the first fit and its rounds. */
export interface StudentRounds {
  readonly rounds: readonly StudentRound[];
}
