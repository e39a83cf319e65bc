/**
 * The person's own rules as a teacher: each rule that matches a text is a vote for its class, and a text that no rule
 * matches gets none. Rules of several classes that match one text share its vote, a part each; where a text may have
 * several labels, each class that a rule matches has the probability 1 and the others 0.
 *
 * However a rule is written, it is tried in bounded time: expressions go through `rules-expression.ts`, and of a
 * long text the first 20,000 characters are looked at.
 */
import { HeadlightError } from '../../base';
import { ExpressionError, readExpression } from './rules-expression';
import { foldWords, keywordExpression, readKeywords } from './rules-keywords';
import type { LabelRule, Votes } from './types';

/** Characters of a text that are looked at. */
export const RULE_CHARACTERS = 20_000;
const MOST_RULES = 1000;
const LONGEST_LIST = 50_000;
/** Of a pattern in a message. */
const SHOWN_PATTERN = 40;

/** Rules that can be asked. */
export interface CompiledRules {
  readonly classes: number;
  /** Which rules match a text, by their place in the list, ascending. */
  matching(text: string): readonly number[];
  /**
   * What the rules say of a text: [classes], into `out` from `at` on; NaN when none matches.
   * @returns whether one matches.
   */
  vote(text: string, out: Votes, at: number): boolean;
}

/** A text in the forms that keywords are looked for in, each made when first needed. */
class Forms {
  readonly text: string;
  readonly #folded: (string | undefined)[] = [];

  constructor(text: string) {
    this.text = text.length > RULE_CHARACTERS ? text.slice(0, RULE_CHARACTERS) : text;
  }

  folded(ignoreCase: boolean): string {
    return (this.#folded[ignoreCase ? 1 : 0] ??= foldWords(this.text, ignoreCase));
  }
}

type Test = (forms: Forms) => boolean;

/** Why a rule cannot be used, in words that fit after a colon, and what to do. */
class Unusable extends Error {
  constructor(
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

/**
 * @param classes the names, in their order.
 * @throws HeadlightError `bad-setting` naming the rule: an unknown class, an expression that cannot be read or is too
 *   large, no keyword; `bad-setting` when there are no rules; `internal` when what reads expressions does not arrive.
 */
export async function compileRules(
  rules: readonly LabelRule[],
  classes: readonly string[],
  several: boolean,
): Promise<CompiledRules> {
  if (rules.length === 0) {
    throw new HeadlightError('bad-setting', 'There are no rules yet.', {
      hint: 'Write a rule: keywords such as “refund, money back”, and the class they speak for.',
    });
  }
  if (rules.length > MOST_RULES) {
    throw new HeadlightError(
      'bad-setting',
      `There are ${rules.length.toLocaleString('en-US')} rules, more than ${MOST_RULES.toLocaleString('en-US')}.`,
      { hint: 'Put the keywords of a class into one rule, divided by commas.' },
    );
  }
  const compiled: { readonly place: number; readonly test: Test }[] = [];
  for (const [index, rule] of rules.entries()) {
    try {
      compiled.push({ place: placeOf(rule, classes), test: await testOf(rule) });
    } catch (error) {
      if (!(error instanceof Unusable)) throw error;
      throw refused(rule, index, error);
    }
  }
  const matching = (text: string): number[] => {
    const forms = new Forms(text);
    return compiled.flatMap(({ test }, rule) => (test(forms) ? [rule] : []));
  };
  return {
    classes: classes.length,
    matching,
    vote(text, out, at) {
      const found = matching(text);
      const row = out.subarray(at, at + classes.length);
      row.fill(found.length === 0 ? NaN : 0);
      for (const rule of found) {
        const { place } = compiled[rule]!;
        if (several) row[place] = 1;
        else row[place]! += 1 / found.length;
      }
      return found.length > 0;
    },
  };
}

/** [texts, classes]; NaN rows where no rule matches. */
export function ruleVotes(rules: CompiledRules, texts: readonly string[]): Votes {
  const votes = new Float32Array(texts.length * rules.classes);
  texts.forEach((text, row) => rules.vote(text, votes, row * rules.classes));
  return votes;
}

/** Of each rule, how many texts it matches. */
export function matchesOf(
  compiled: Pick<CompiledRules, 'matching'>,
  rules: number,
  texts: readonly string[],
): number[] {
  const counts = new Array<number>(rules).fill(0);
  for (const text of texts) for (const rule of compiled.matching(text)) counts[rule]! += 1;
  return counts;
}

/**
 * What is wrong with a rule, whatever the classes are, in words that fit after a colon; null: nothing.
 * @throws HeadlightError `internal` when what reads expressions does not arrive.
 */
export async function ruleProblem(rule: LabelRule): Promise<string | null> {
  try {
    await testOf(rule);
    return null;
  } catch (error) {
    if (error instanceof Unusable) return error.message;
    throw error;
  }
}

function placeOf(rule: LabelRule, classes: readonly string[]): number {
  const place = classes.indexOf(rule.class);
  if (place >= 0) return place;
  throw new Unusable(`there is no class “${rule.class}”`, 'Choose one of the classes.');
}

/** @throws Unusable */
async function testOf({ match, pattern, ignore_case: ignoreCase }: LabelRule): Promise<Test> {
  if (match === 'keywords') return keywordTest(pattern, ignoreCase);
  if (pattern === '') throw new Unusable('it is empty', 'Write an expression.');
  try {
    const matches = await readExpression(pattern, ignoreCase);
    return ({ text }) => matches(text);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new Unusable(
      error.message,
      'Mend the regular expression (RE2’s syntax), or use keywords instead.',
    );
  }
}

function keywordTest(pattern: string, ignoreCase: boolean): Test {
  if (pattern.length > LONGEST_LIST)
    throw new Unusable(
      `its keywords are more than ${LONGEST_LIST.toLocaleString('en-US')} characters`,
      'Divide them among several rules.',
    );
  const keywords = readKeywords(pattern, ignoreCase);
  if (keywords.length === 0)
    throw new Unusable('it has no keyword', 'Write words, divided by commas.');
  const any = keywordExpression(keywords);
  return (forms) => any.test(forms.folded(ignoreCase));
}

function refused(
  { class: name, pattern }: LabelRule,
  index: number,
  { message: why, hint }: Unusable,
): HeadlightError {
  const shown = pattern.length > SHOWN_PATTERN ? `${pattern.slice(0, SHOWN_PATTERN)}…` : pattern;
  return new HeadlightError(
    'bad-setting',
    `Rule ${index + 1}${shown === '' ? '' : ` (${shown})`} for “${name}”: ${why}.`,
    { hint },
  );
}
