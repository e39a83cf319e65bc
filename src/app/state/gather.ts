/** Sentences put together from rows that are words. */
import type { RowPage } from '../../engine';

export interface Sentence {
  readonly words: readonly string[];
  /** Of each word; `O` where it was not looked at. */
  readonly actual: readonly string[];
  readonly predicted: readonly string[];
  readonly file: string;
  readonly line: number;
}

interface Gathered extends Sentence {
  readonly actual: string[];
  readonly predicted: string[];
}

export class Gather {
  readonly #classes: readonly string[];
  readonly #found = new Map<string, Gathered>();

  constructor(classes: readonly string[]) {
    this.#classes = classes;
  }

  add(rows: RowPage['rows']): void {
    for (const { text, word, actual, predicted, file, line } of rows) {
      if (word === null) continue;
      const sentence = this.#sentence(text, file, line);
      sentence.actual[word] = this.#classes[actual] ?? 'O';
      sentence.predicted[word] = this.#classes[predicted] ?? 'O';
    }
  }

  /** In the order of the file. */
  sentences(): readonly Sentence[] {
    return [...this.#found.values()].sort((a, b) =>
      a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1,
    );
  }

  #sentence(text: string, file: string, line: number): Gathered {
    const key = `${line} ${file}`;
    const known = this.#found.get(key);
    if (known !== undefined) return known;
    const words = text.split(' ');
    const none = (): string[] => words.map(() => 'O');
    const made = { words, actual: none(), predicted: none(), file, line };
    this.#found.set(key, made);
    return made;
  }
}

/** Whether every word of it is labelled as it should be. */
export function isRight({ actual, predicted }: Sentence): boolean {
  return actual.every((label, at) => label === predicted[at]);
}
