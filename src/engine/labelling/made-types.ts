/** What `prepare` says of labels that were made here, beside the labelled texts and their split. */
import type { RowOrigin } from '../../data';
import type { LabellingSettings } from '../../learning/labelling';
import type { LabellingRecord, RecipeLabelling } from '../../project';

/** Rows are those of `Prepared.data`, classes in the person's order, which is that of `data.classes`. */
export interface MadeLabels {
  /** [rows, classes] row-major; labels by hand and truth are 0 and 1, a teacher's its probabilities. */
  readonly soft: Float32Array;
  /** [rows]: 1 for labels by hand and truth, the combined confidence for a teacher's. */
  readonly confidence: Float32Array;
  /** Of each row. */
  readonly source: readonly ('truth' | 'hand' | 'teacher')[];
  /** [rows, classes]: what all teachers together propose (NaN where none voted), whatever label stands. */
  readonly proposed: Float32Array;
  /**
   * `teacher`: no held-out labelled row exists; the test part is a random fifth of the teacher-labelled rows, nothing
   * is trained on it, and its figures are agreement with the teacher, not accuracy.
   */
  readonly tested_by: 'truth' | 'teacher';
  readonly settings: LabellingSettings;
  /** Texts to learn from without a label (left by the accept settings): self-training may draw on them. */
  readonly unlabelled: { readonly texts: readonly string[]; readonly origin: readonly RowOrigin[] };
  /** Teachers that have gone through all texts, and so count. */
  readonly teachers: LabellingRecord['teachers'];
  /** For the record: what the labels came from. */
  readonly record: LabellingRecord;
  /** For the recipe: what was asked of the teachers that have gone through all texts, and what the person said. */
  readonly recipe: RecipeLabelling;
}
