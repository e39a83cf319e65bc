/** JSON Lines (a value a line) and a JSON array (of objects, lists or texts) to a table, a value at a time. */
import { HeadlightError } from '../../base';
import type { FileFormat, Table } from '../types';
import { LineCutter } from './lines';
import { lineBreaks, LONGEST_ROW, type ReaderInput, type TextReader } from './reader';
import { FieldsBuilder, parseJsonValue } from './values';

/** Which kind of JSON a text is by its beginning; null for none. */
export function jsonFormat(name: string, head: string): 'json' | 'jsonl' | null {
  const start = head.trimStart();
  const isNamed = /\.(json|jsonl|ndjson)$/i.test(name);
  const looks = /^(\{\s*("[^"\n]*"\s*:|\})|\[\s*([{[]|"[^"\n]*"\s*[,\]])|\[\s*\]\s*$)/.test(start);
  if (!(isNamed ? /^[{[]/.test(start) : looks)) return null;
  const lines = start.split(/\r\n?|\n/, 50).filter((line) => line.trim() !== '');
  const whole = lines.filter((line) => isJson(line)).length;
  if (/\.(jsonl|ndjson)$/i.test(name)) return 'jsonl';
  // A row a line: the first line, or most of them where that one is damaged, is a value by itself.
  if (start.startsWith('{'))
    return whole > 0 || lines.length > 1 ? (whole > 0 ? 'jsonl' : 'json') : 'json';
  return lines.length > 1 && whole > 0.5 * lines.length && isJson(lines[0] ?? '')
    ? 'jsonl'
    : 'json';
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

abstract class ValuesReader implements TextReader {
  protected readonly fields: FieldsBuilder;
  protected readonly input: ReaderInput;
  readonly #format: FileFormat;
  readonly #reason: string;

  constructor(input: ReaderInput, format: FileFormat, reason: string) {
    this.input = input;
    this.fields = new FieldsBuilder(input.name);
    this.#format = format;
    this.#reason = reason;
  }

  abstract push(text: string): void;
  protected abstract end(): void;

  finish(): Table {
    this.end();
    const { name, encoding } = this.input;
    this.fields.rows.refuseEmpty(
      name,
      'No row of {name} could be read as JSON.',
      'Save it as JSON Lines: an object such as {"text": "…", "label": "…"} on each line.',
    );
    return this.fields.rows.finish(this.fields.names, {
      name,
      format: this.#format,
      encoding,
      delimiter: ',',
      hasHeader: true,
      headerReason: this.#reason,
    });
  }

  protected take(text: string, line: number): void {
    let value: unknown;
    try {
      value = parseJsonValue(text);
    } catch (error) {
      const why = error instanceof Error ? ` (${error.message.slice(0, 120)})` : '';
      this.fields.rows.rejectWithProblem(line, text, `This is no JSON${why}; it was left out.`);
      return;
    }
    this.fields.add(value, line);
  }
}

export class JsonLinesReader extends ValuesReader {
  readonly #cutter: LineCutter;

  constructor(input: ReaderInput) {
    super(input, 'jsonl', 'JSON Lines: the fields of the objects name the columns.');
    this.#cutter = new LineCutter(input.name, (line, number) => {
      if (line.trim() !== '') this.take(line, number);
    });
  }

  push(text: string): void {
    this.#cutter.push(text);
  }

  protected end(): void {
    this.#cutter.push('', true);
  }
}

/** Cuts the elements of one array out of a text that comes in pieces, then parses each by itself. */
export class JsonArrayReader extends ValuesReader {
  /** The element that is not ended yet. */
  #pending = '';
  #scanned = 0;
  #depth = 0;
  #inString = false;
  #state: 'before' | 'within' | 'after' = 'before';
  #line = 1;

  constructor(input: ReaderInput) {
    super(input, 'json', 'A JSON array: the fields of its objects name the columns.');
  }

  push(text: string): void {
    this.#pending += text;
    this.#scan(false);
    if (this.#pending.length > LONGEST_ROW) {
      throw new HeadlightError(
        'bad-file',
        `${this.input.name}, line ${this.#line}: the value is longer than 64 million characters.`,
        { hint: 'Check that the brackets and quotes of the file are closed.' },
      );
    }
  }

  protected end(): void {
    this.#scan(true);
    const rest = this.#pending.trim();
    if (this.#state === 'within') {
      this.fields.rows.rejectWithProblem(
        this.#line,
        rest,
        'The file ends before the array does; what follows the last whole value was left out.',
      );
    } else if (this.#state === 'after' && rest !== '') {
      this.fields.rows.rejectWithProblem(
        this.#line,
        rest,
        'This stands after the end of the array; it was left out.',
      );
    }
  }

  #scan(last: boolean): void {
    let text = this.#pending;
    if (this.#state === 'before') {
      const start = text.search(/\S/);
      if (start < 0) {
        this.#pending = last ? '' : text;
        return;
      }
      if (text[start] !== '[') {
        throw new HeadlightError(
          'bad-table',
          `${this.input.name} is one JSON object, not a list of rows.`,
          {
            hint: 'Save it as a JSON array of objects, or as JSON Lines: an object on each line (pandas: orient="records").',
          },
        );
      }
      this.#line += lineBreaks(text.slice(0, start));
      text = text.slice(start + 1);
      this.#state = 'within';
      this.#scanned = 0;
    }
    let from = 0;
    let i = this.#scanned;
    for (; i < text.length && this.#state === 'within'; i++) {
      const unit = text[i];
      if (this.#inString) {
        if (unit === '\\') {
          if (i + 1 >= text.length && !last) break;
          i++;
        } else if (unit === '"') this.#inString = false;
      } else if (unit === '"') this.#inString = true;
      else if (unit === '{' || unit === '[') this.#depth++;
      else if (unit === '}' || (unit === ']' && this.#depth > 0))
        this.#depth = Math.max(0, this.#depth - 1);
      else if (this.#depth === 0 && (unit === ',' || unit === ']')) {
        this.#element(text.slice(from, i), unit === ']');
        from = i + 1;
        if (unit === ']') this.#state = 'after';
      }
    }
    this.#pending = text.slice(from);
    this.#scanned = this.#state === 'after' ? 0 : i - from;
  }

  #element(raw: string, isLast: boolean): void {
    const start = raw.search(/\S/);
    if (start < 0) {
      // `[]`, or a comma after the last value, which people write.
      if (!isLast) {
        this.fields.rows.rejectWithProblem(
          this.#line,
          ',',
          'A value is missing between two commas.',
        );
      }
    } else this.take(raw.trim(), this.#line + lineBreaks(raw.slice(0, start)));
    this.#line += lineBreaks(raw);
  }
}
