/** What the data room hands to the rooms above it. */

export type EncodingName = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252';

/** A file as the person dropped it. */
export interface SourceFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface Column {
  readonly name: string;
  /** One cell a row; a cell that the file lacks is ''. */
  readonly cells: readonly string[];
}

/** A row that could not be taken as it stands. */
export interface RowProblem {
  /** Line in the file where the row begins, 1-based, the header counted. */
  readonly line: number;
  readonly problem: string;
}

export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly rowCount: number;
  /** `conll`: a sentence a row, words and their tags joined by single spaces; see `conll.ts`. */
  readonly format: 'table' | 'conll';
  /** Line in the file where row i begins, 1-based. */
  readonly lines: Int32Array;
  readonly encoding: EncodingName;
  readonly delimiter: ',' | '\t' | ';' | '|';
  /** False when the file has no header; columns are then named `column 1`, `column 2`, … */
  readonly hasHeader: boolean;
  /** Why the first row was taken as header or not, one plain sentence. */
  readonly headerReason?: string;
  readonly problems: readonly RowProblem[];
}

export interface ParseSettings {
  readonly encoding?: EncodingName;
  readonly delimiter?: Table['delimiter'];
  readonly hasHeader?: boolean;
  readonly format?: Table['format'];
}

/** A column picked for a role, and why, in one plain sentence. */
export interface Finding {
  readonly column: string;
  readonly reason: string;
}

export interface ColumnFindings {
  readonly text: Finding | null;
  readonly label: Finding | null;
  /** Every column with what it looks like, for the person to choose from. */
  readonly columns: readonly ColumnProfile[];
}

export interface ColumnProfile {
  readonly name: string;
  readonly distinct: number;
  readonly empty: number;
  /** Mean length in characters of the non-empty cells. */
  readonly meanLength: number;
  /** Up to three example cells. */
  readonly examples: readonly string[];
}

/** Rows that can be learned from: texts with one label each. */
export interface LabelledTexts {
  readonly texts: readonly string[];
  /** The second text of each pair; null for single texts. */
  readonly pairs: readonly string[] | null;
  /**
   * Class index of each text, in the order of `classes`. Where `tags` are there: of the type of entity that
   * fills most of the sentence's words (its `B-` tag, or the first of its tags), of `O` where there is none.
   */
  readonly labels: Int32Array;
  /** Class index of each word of each text, words being divided by single spaces; null when texts are classified. */
  readonly tags: readonly Int32Array[] | null;
  /** Sorted as scikit-learn sorts them (by code point; numerically when all are numbers). */
  readonly classes: readonly string[];
  /** Which row of which table each text came from. */
  readonly origin: readonly RowOrigin[];
  /** Rows left out, counted by reason: no text, no label. */
  readonly leftOut: readonly { readonly reason: string; readonly rows: number }[];
}

export interface RowOrigin {
  readonly file: string;
  /** 0-based row in that table. */
  readonly row: number;
  /** 1-based line in that file. */
  readonly line: number;
}

export type SplitSettings =
  | {
      readonly method: 'stratified';
      /** Share of the test part, in (0, 1). Default 0.2. */
      readonly testShare: number;
      readonly seed: number;
    }
  | { readonly method: 'files' };

export interface Split {
  /** Indices into LabelledTexts. */
  readonly train: Int32Array;
  readonly test: Int32Array;
  /** Training rows dropped because the same text also stands in the test part. */
  readonly droppedFromTrain: Int32Array;
  /** Plain sentences about what was done. */
  readonly notes: readonly string[];
}
