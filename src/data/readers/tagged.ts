/** CoNLL as one of the readers: `conll.ts` needs the text whole. */
import { HeadlightError } from '../../base';
import { parseConll } from '../conll';
import type { Table } from '../types';
import type { ReaderInput, TextReader } from './reader';

const MOST = 1 << 28;

export class ConllReader implements TextReader {
  readonly #input: ReaderInput;
  readonly #pieces: string[] = [];
  #length = 0;

  constructor(input: ReaderInput) {
    this.#input = input;
  }

  push(text: string): void {
    this.#length += text.length;
    if (this.#length > MOST) {
      throw new HeadlightError(
        'bad-file',
        `${this.#input.name} has more than 268 million characters of tagged words.`,
        { hint: 'Divide the file into smaller ones.' },
      );
    }
    this.#pieces.push(text);
  }

  finish(): Table {
    return parseConll(this.#input, this.#pieces.join(''), this.#input.encoding);
  }
}
