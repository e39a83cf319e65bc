/**
 * Regular expressions of rules: RE2's syntax, matched by re2js in time that grows with the length of a text and no
 * faster. JavaScript's own engine tries one way through an expression after another, and `(a+)+$` over forty letters
 * takes it days. The library is fetched when the first expression is read.
 */
import type * as Re2 from 're2js';
import { HeadlightError } from '../../base';

/** Longer ones are written by programs. */
const LONGEST = 2000;
/** With its repetitions written out; each sign of a text costs at most so many steps. */
const MOST_STEPS = 2000;

/** What RE2 does not take, by how the part begins that it names. */
const NOT_TAKEN: readonly (readonly [begins: RegExp, why: string])[] = [
  [
    /^\(\?<?[=!]/,
    'looking ahead or behind ((?=…), (?!…), (?<=…), (?<!…)) is not taken: RE2 has none',
  ],
  [/^\\[1-9k]/, 'back references (\\1, \\k<name>) are not taken, since they can take for ever'],
];

/** What is wrong with an expression, in words that fit after a colon. */
export class ExpressionError extends Error {}

/**
 * @returns whether it matches anywhere in a text.
 * @throws ExpressionError for what is no expression, or is too large; HeadlightError `internal` when the library does
 *   not arrive.
 */
export async function readExpression(
  pattern: string,
  ignoreCase: boolean,
): Promise<(text: string) => boolean> {
  if (pattern.length > LONGEST) throw new ExpressionError(`it is longer than ${LONGEST} signs`);
  const { RE2JS, RE2JSSyntaxException } = await load();
  let expression: Re2.RE2JS;
  try {
    expression = RE2JS.compile(pattern, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    throw new ExpressionError(whyNot(error.getDescription(), error.getPattern() ?? '', pattern));
  }
  if (expression.programSize() > MOST_STEPS)
    throw new ExpressionError(
      `it is too large: with its repetitions written out it has more than ${MOST_STEPS} steps`,
    );
  return (text) => expression.test(text);
}

/** @param part what of the expression the library names. */
function whyNot(what: string, part: string, pattern: string): string {
  const known = NOT_TAKEN.find(([begins]) => begins.test(part));
  if (known !== undefined) return known[1];
  // It may name the whole, with its flags before it.
  return part === '' || part.endsWith(pattern) ? what : `${what}: “${part}”`;
}

async function load(): Promise<typeof Re2> {
  try {
    return await import('re2js');
  } catch (cause) {
    throw new HeadlightError(
      'internal',
      'The part that reads regular expressions did not arrive.',
      {
        hint: 'Check the connection to where the page comes from, and try again; or use keywords.',
        cause,
      },
    );
  }
}
