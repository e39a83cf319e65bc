/** What every reader of text is: it is given the text in pieces and makes a table in the end. */
import type { EncodingName, ParseSettings, Table } from '../types';

export interface TextReader {
  /** @throws ReadAgain when what comes shows that the beginning was misunderstood. */
  push(text: string): void;
  /** Nothing follows. @throws HeadlightError `bad-table`, `bad-file`. */
  finish(): Table;
}

export interface ReaderInput {
  readonly name: string;
  readonly encoding: EncodingName;
  readonly settings: ParseSettings;
  /** The beginning of the text, several megabytes where there are so many, to sniff on. */
  readonly head: string;
}

/** The file must be read from the beginning once more, otherwise. */
export class ReadAgain extends Error {
  constructor(
    readonly settings: ParseSettings,
    /** A plain sentence why. */
    readonly note: string,
  ) {
    super(note);
  }
}

/** A row longer than this is a file that is no such table, or a quote that never closes. */
export const LONGEST_ROW = 1 << 26;

/** Line ends in a text. */
export function lineBreaks(text: string): number {
  if (!text.includes('\n') && !text.includes('\r')) return 0;
  return text.match(/\r\n?|\n/g)?.length ?? 0;
}
