/**
 * Rules vote for what the person meant: keywords are whole words in any script, an expression matches what JavaScript
 * says it matches, in bounded time however it is written, and what cannot be used is refused by its number.
 */
import { describe, expect, it, test } from 'vitest';
import { HeadlightError, seededRandom, type Random } from '../../../../src/base';
import {
  compileRules,
  RULE_CHARACTERS,
  ruleVotes,
  type LabelRule,
} from '../../../../src/learning/labelling';

const CLASSES = ['refund', 'card', 'other'];

function rule(pattern: string, more: Partial<LabelRule> = {}): LabelRule {
  return { class: 'refund', match: 'keywords', pattern, ignore_case: true, ...more };
}

function matches(pattern: string, text: string, more: Partial<LabelRule> = {}): boolean {
  return compileRules([rule(pattern, more)], CLASSES, false).matching(text).length === 1;
}

function expression(pattern: string, text: string, ignoreCase = false): boolean {
  return matches(pattern, text, { match: 'expression', ignore_case: ignoreCase });
}

describe('keywords', () => {
  test.each([
    ['refund', 'I want a REFUND!', true],
    ['refund', 'refunds are slow', false],
    ['refund', 'a non-refundable fare', false],
    ['cash, refund ,money back', 'please give my money\n  back', true],
    ['money back', 'money came back', false],
    ['straße', 'Wo ist die STRASSE?', true],
    ['été', 'en e\u0301te\u0301 dernier', true],
    ['don’t', "I don't know", true],
    ['возврат', 'Нужен ВОЗВРАТ денег', true],
    ['возврат', 'возвратный билет', false],
    ['σας', 'ΓΙΑ ΣΑΣ', true],
    ['استرداد', 'أريد استرداد المال', true],
    ['退款', '我要退款。', true],
    ['ขอคืนเงิน', 'ฉันขอคืนเงินค่ะ', true],
    // A vowel sign belongs to its letter.
    ['क', 'कि', false],
    ['ก', 'กิน', false],
    ['4G', '4g, 5g', true],
    ['4G', '14G', false],
    ['c++', 'I write C++, not C', true],
    [':)', 'fine:)', true],
    ['𝒳y', 'a 𝒳y b', true],
    ['y', '𝒳y', false],
  ])('“%s” in “%s”: %s', (pattern, text, is) => {
    expect(matches(pattern, text)).toBe(is);
  });

  it('tells upper from lower case when asked to', () => {
    expect(matches('US', 'let us go', { ignore_case: false })).toBe(false);
    expect(matches('US', 'the US and us', { ignore_case: false })).toBe(true);
    expect(matches('us', 'the US', { ignore_case: true })).toBe(true);
  });
});

describe('an expression', () => {
  test.each([
    ['^how (much|many)\\b', 'How much is it?', true],
    ['\\bre(?:fund|turn)(ed|s)?\\b', 'it was returned', true],
    ['\\d{3,5}', 'call 12 or 34', false],
    ['\\d{3,5}', 'call 123', true],
    ['^(?!.*\\bcard\\b).*lost', 'my card is lost', false],
    ['^(?!.*\\bcard\\b).*lost', 'my phone is lost', true],
    ['(?<=€ ?)\\d+', 'it costs € 20', true],
    ['(?<!not )happy', 'not happy', false],
    ['\\p{Script=Greek}+', 'αβγ', true],
    ['[^\\p{L}\\s]', 'only words here', false],
    ["e\\-mail|it\\'s", 'my e-mail', true],
    ['.', '\n', false],
    ['^😀$', '😀', true],
    ['^.$', '😀', true],
  ])('/%s/i on “%s”: %s', (pattern, text, is) => {
    expect(expression(pattern, text, true)).toBe(is);
  });

  it('matches what the engine of JavaScript matches: 12,000 random expressions and texts', () => {
    const random = seededRandom(6);
    const apart: string[] = [];
    let refused = 0;
    for (let i = 0; i < 12_000; i++) {
      const pattern = randomPattern(random, 3);
      const ignoreCase = random.integer(2) === 1;
      const text = randomText(random, 9);
      if (pattern === '') continue;
      let native: RegExp;
      try {
        native = new RegExp(pattern, ignoreCase ? 'iu' : 'u');
      } catch {
        // No expression: then not here either.
        if (refusal(pattern, ignoreCase) === null) apart.push(`taken: ${pattern}`);
        continue;
      }
      const found = native.exec(text);
      // V8 lets some matches begin inside of a surrogate pair, which the standard does not.
      if (/^[\udc00-\udfff]/.test(text.slice(found?.index ?? 0))) continue;
      const matched = matchedOrRefused(pattern, text, ignoreCase);
      if (matched === null) refused++;
      else if (matched !== (found !== null))
        apart.push(`/${pattern}/${ignoreCase ? 'i' : ''} on “${text}”`);
    }
    expect(apart).toEqual([]);
    expect(refused).toBeLessThan(200);
  });

  it('is refused in words or answers, whatever it is: 8,000 random strings', () => {
    const random = seededRandom(7);
    const signs = [...Array.from('()[]{}|?*+^$.\\-,:=!<>abk019puPU/ \n'), '😀', '\ud800'];
    let taken = 0;
    for (let i = 0; i < 8_000; i++) {
      const pattern = Array.from(
        { length: 1 + random.integer(14) },
        () => signs[random.integer(signs.length)]!,
      ).join('');
      const match = random.integer(4) === 0 ? 'keywords' : 'expression';
      const said = refusal(pattern, random.integer(2) === 1, match);
      if (said === null) taken++;
      else if (said.code !== 'bad-setting') throw said;
    }
    expect(taken).toBeGreaterThan(500);
  });

  // Each takes a backtracking engine longer than anyone waits.
  test.each([
    '(a+)+$',
    '^(a|a)*$',
    '^(a|aa)+b',
    '(.*)*x(.*)*y',
    '(a*)*(a*)*(a*)*b',
    '(?:a?){50}a{50}b',
    '^(?=(a+)+$)b',
    '(?<=(a|a)*b)c',
    '.*.*.*.*.*=',
    `${'(?=(a|b)*)'.repeat(20)}c`,
  ])('%s over a long text is done in less than two seconds of work', (pattern) => {
    const compiled = compileRules(
      [rule(pattern, { match: 'expression', ignore_case: false })],
      CLASSES,
      false,
    );
    const seconds = (length: number): number => {
      const before = process.cpuUsage();
      compiled.matching('a'.repeat(length) + '!');
      return process.cpuUsage(before).user / 1e6;
    };
    seconds(100);
    expect(seconds(5_000)).toBeLessThan(2);
  });
});

describe('rules that cannot be used', () => {
  test.each([
    [rule('', { class: 'card' }), /^Rule 2 for “card”: it has no keyword\.$/],
    [rule(' , ,'), /^Rule 2 \( , ,\) for “refund”: it has no keyword\.$/],
    [rule('x', { class: 'cash' }), /^Rule 2 \(x\) for “cash”: there is no class “cash”\.$/],
    [rule('re(fund', { match: 'expression' }), /^Rule 2 \(re\(fund\) for “refund”: .*group/],
    [rule('(a)\\1', { match: 'expression' }), /back references/],
    [rule('(?<x>a)\\k<x>', { match: 'expression' }), /back references/],
    [rule('(a{1000}){1000}', { match: 'expression' }), /too large/],
    [rule('((((a{99}){99}){99}){99}){99}', { match: 'expression' }), /too large/],
    [
      rule('a'.repeat(2001), { match: 'expression' }),
      /^Rule 2 \(a{40}…\) for “refund”: it is longer/,
    ],
    [rule('', { match: 'expression' }), /it is empty/],
    [rule('(?=a)'.repeat(21), { match: 'expression' }), /looks ahead or behind more than 20 times/],
  ])('%o', (bad, message) => {
    expect(() => compileRules([rule('fine'), bad], CLASSES, false)).toThrow(
      expect.objectContaining({
        code: 'bad-setting',
        message: expect.stringMatching(message) as string,
      }) as Error,
    );
  });

  it('are no rules', () => {
    expect(() => compileRules([], CLASSES, false)).toThrow(/no rules yet/);
  });
});

describe('votes', () => {
  const rules = [
    rule('refund, money back'),
    rule('cash', { class: 'refund' }),
    rule('card|visa', { class: 'card', match: 'expression' }),
  ];
  const texts = ['Refund to my card', 'cash refund to my card', 'my VISA', 'hello', ''];

  it('are shared by the rules that match; a text that none matches gets no vote', () => {
    const third = Math.fround(1 / 3);
    expect([...ruleVotes(compileRules(rules, CLASSES, false), texts)]).toEqual([
      ...[0.5, 0.5, 0],
      ...[Math.fround(third + 1 / 3), third, 0],
      ...[0, 1, 0],
      ...[NaN, NaN, NaN],
      ...[NaN, NaN, NaN],
    ]);
  });

  it('stand each for itself where a text may have several labels', () => {
    expect([...ruleVotes(compileRules(rules, CLASSES, true), texts)]).toEqual([
      ...[1, 1, 0],
      ...[1, 1, 0],
      ...[0, 1, 0],
      ...[NaN, NaN, NaN],
      ...[NaN, NaN, NaN],
    ]);
  });

  it('look at the first 20,000 characters of a text', () => {
    const compiled = compileRules([rule('card', { class: 'card' })], CLASSES, false);
    const before = 'x '.repeat(RULE_CHARACTERS / 2 - 4);
    expect(compiled.matching(`${before}card`)).toEqual([0]);
    expect(compiled.matching(`${before}${before}card`)).toEqual([]);
  });
});

function refusal(
  pattern: string,
  ignoreCase: boolean,
  match: LabelRule['match'] = 'expression',
): HeadlightError | null {
  try {
    matches(pattern, 'aab 01 😀', { match, ignore_case: ignoreCase });
    return null;
  } catch (error) {
    if (error instanceof HeadlightError) return error;
    throw new Error(`${JSON.stringify(pattern)} threw ${String(error)}`, { cause: error });
  }
}

/** null: refused in words (too large, two groups of one name), though JavaScript takes it. */
function matchedOrRefused(pattern: string, text: string, ignoreCase: boolean): boolean | null {
  try {
    return expression(pattern, text, ignoreCase);
  } catch (error) {
    if (error instanceof HeadlightError && error.code === 'bad-setting') return null;
    throw error;
  }
}

const LETTERS = [...Array.from('abAB1_ '), 'ß', 'ſ', '😀', '\n', 'é'];

function randomText(random: Random, longest: number): string {
  const length = random.integer(longest + 1);
  return Array.from({ length }, () => LETTERS[random.integer(LETTERS.length)]!).join('');
}

const ATOMS = [
  ...[
    'a',
    'b',
    'A',
    '1',
    'ß',
    '😀',
    '.',
    '\\w',
    '\\W',
    '\\d',
    '\\s',
    '\\S',
    '[ab]',
    '[^a]',
    '[a-b1]',
  ],
  ...['\\p{L}', '\\P{Lu}', '[\\w\\]]', '\\u{1F600}', '\\x61', '\\uD83D\\uDE00', 's', 'k', '[^]'],
];
const PLACES = ['^', '$', '\\b', '\\B'];
const OFTEN = ['*', '+', '?', '*?', '+?', '??', '{2}', '{0}', '{1,2}', '{2,}', '{0,3}?'];
const OPENS = ['(', '(?:', '(?<n>', '(?=', '(?!', '(?<=', '(?<!'];

function randomPattern(random: Random, depth: number): string {
  const one = (): string => {
    const what = random.integer(10);
    if (what === 0) return PLACES[random.integer(PLACES.length)]!;
    const isGroup = depth > 0 && what < 5;
    const open = OPENS[random.integer(OPENS.length)]!;
    const own = isGroup
      ? `${open}${randomPattern(random, depth - 1)})`
      : ATOMS[random.integer(ATOMS.length)]!;
    const isLook = isGroup && /[=!]$/.test(open);
    return random.integer(3) === 0 && !isLook ? own + OFTEN[random.integer(OFTEN.length)]! : own;
  };
  const sequence = (): string => Array.from({ length: random.integer(4) }, one).join('');
  return Array.from({ length: 1 + random.integer(2) }, sequence).join('|');
}
