/**
 * Rules vote for what the person meant: keywords are whole words in any script, an expression matches what JavaScript
 * says it matches wherever both have the same syntax, in bounded time however it is written, and what cannot be used is
 * refused by its number.
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

async function matches(
  pattern: string,
  text: string,
  more: Partial<LabelRule> = {},
): Promise<boolean> {
  return (await compileRules([rule(pattern, more)], CLASSES, false)).matching(text).length === 1;
}

function expression(pattern: string, text: string, ignoreCase = false): Promise<boolean> {
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
    // Syntax of expressions is nothing but signs in a keyword.
    ['a.b, (x|y), [z]+', 'a-b x z', false],
    ['a.b, (x|y), [z]+', 'so: (x|y)', true],
  ])('“%s” in “%s”: %s', async (pattern, text, is) => {
    expect(await matches(pattern, text)).toBe(is);
  });

  it('tells upper from lower case when asked to', async () => {
    expect(await matches('US', 'let us go', { ignore_case: false })).toBe(false);
    expect(await matches('US', 'the US and us', { ignore_case: false })).toBe(true);
    expect(await matches('us', 'the US', { ignore_case: true })).toBe(true);
  });

  it('are found exactly where no word goes on over their edges: 200 random lists in 100 texts each', async () => {
    const random = seededRandom(5);
    const signs = ['a', 'b', 'ä', '1', ' ', '.', ')', '-', '𝒳', 'क', 'ि', '退', 'ก', 'ิ', 'ん'];
    const draw = (longest: number): string =>
      Array.from(
        { length: 1 + random.integer(longest) },
        () => signs[random.integer(signs.length)]!,
      )
        .join('')
        .replaceAll(/ +/g, ' ');
    let found = 0;
    for (let list = 0; list < 200; list++) {
      const keywords = Array.from({ length: 1 + random.integer(4) }, () => draw(3).trim());
      if (keywords.includes('')) continue;
      const compiled = await compileRules([rule(keywords.join())], CLASSES, false);
      for (let i = 0; i < 100; i++) {
        const text = draw(8);
        const is = keywords.some((keyword) => standsAlone(text, keyword));
        if (is) found++;
        if ((compiled.matching(text).length === 1) !== is)
          throw new Error(`${JSON.stringify(keywords)} in “${text}” is ${String(is)}`);
      }
    }
    expect(found).toBeGreaterThan(2000);
  });

  it('may be thousands, in a long text', async () => {
    const words = Array.from({ length: 7000 }, (_, i) => (i * 7919 + 1_000_000).toString(36));
    const text = 'the quick brown fox jumps over the lazy dog. '.repeat(444);
    const before = process.cpuUsage();
    const compiled = await compileRules([rule(words.join())], CLASSES, false);
    expect(compiled.matching(text)).toEqual([]);
    expect(compiled.matching(`${text.slice(0, 19_000)}, ${words.at(-1)!}.`)).toEqual([0]);
    expect(process.cpuUsage(before).user / 1e6).toBeLessThan(2);
  });
});

describe('an expression', () => {
  test.each([
    ['^how (much|many)\\b', 'How much is it?', true],
    ['\\bre(?:fund|turn)(ed|s)?\\b', 'it was returned', true],
    ['\\d{3,5}', 'call 12 or 34', false],
    ['\\d{3,5}', 'call 123', true],
    ['(?<many>\\d\\d)', 'I have 12', true],
    ['\\p{Greek}+', 'αβγ', true],
    ['возврат(а|ы)?', 'ВОЗВРАТЫ', true],
    ['[^\\p{L}\\s]', 'only words here', false],
    ["e\\-mail|it\\'s", 'my e-mail', true],
    ['.', '\n', false],
    ['last$', 'at last\n', false],
    ['^😀$', '😀', true],
    ['^.$', '😀', true],
    ['\\x{1F600}', 'well 😀', true],
  ])('/%s/i on “%s”: %s', async (pattern, text, is) => {
    expect(await expression(pattern, text, true)).toBe(is);
  });

  it('matches what the engine of JavaScript matches: 8,000 random expressions and texts', async () => {
    const random = seededRandom(6);
    const apart: string[] = [];
    let asked = 0;
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
        continue;
      }
      asked++;
      const found = native.exec(text);
      // V8 lets some matches begin inside of a surrogate pair, which the standard does not.
      if (/^[\udc00-\udfff]/.test(text.slice(found?.index ?? 0))) continue;
      const matched = await matchedOrRefused(pattern, text, ignoreCase);
      if (matched === null) refused++;
      else if (matched !== (found !== null))
        apart.push(`/${pattern}/${ignoreCase ? 'i' : ''} on “${text}”`);
    }
    expect(apart).toEqual([]);
    expect(asked).toBeGreaterThan(7500);
    expect(refused).toBeLessThan(100);
  });

  it('is refused in words or answers, whatever it is: 8,000 random strings', async () => {
    const random = seededRandom(7);
    const signs = [...Array.from('()[]{}|?*+^$.\\-,:=!<>abk019puPU/ \n'), '😀', '\ud800'];
    let taken = 0;
    for (let i = 0; i < 8_000; i++) {
      const pattern = Array.from(
        { length: 1 + random.integer(14) },
        () => signs[random.integer(signs.length)]!,
      ).join('');
      const match = random.integer(4) === 0 ? 'keywords' : 'expression';
      const said = await refusal(pattern, random.integer(2) === 1, match);
      if (said === null) taken++;
      else if (said.code !== 'bad-setting') throw said;
    }
    expect(taken).toBeGreaterThan(500);
  });

  // Each takes a backtracking engine longer than anyone waits. What ends them is no fixed sign, without which in the
  // text nothing would have to be tried.
  test.each([
    '(a+)+$',
    '^(a|a)*$',
    '^(a|aa)+\\pN',
    '(.*)*\\pN(.*)*\\pN',
    '(a*)*(a*)*(a*)*\\pN',
    '(?:a?){50}a{50}\\pN',
    '\\b(\\w+\\s?)+\\b\\pN',
    '.*.*.*.*.*\\pN',
    // 2 to the power of 200 sets of steps.
    '(a|!)*a(a|!){200}\\pN',
    '\\b(?:(?:a?){30}){30}\\b\\pN',
  ])('%s over a long text is done in less than two seconds of work', async (pattern) => {
    const compiled = await compileRules(
      [rule(pattern, { match: 'expression', ignore_case: false })],
      CLASSES,
      false,
    );
    const seconds = (length: number): number => {
      const before = process.cpuUsage();
      compiled.matching(`${'a'.repeat(length)}!`);
      compiled.matching(randomAs(length));
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
    [
      rule('re(fund', { match: 'expression' }),
      /^Rule 2 \(re\(fund\) for “refund”: missing closing \)\.$/,
    ],
    [rule('a++', { match: 'expression' }), /invalid nested repetition operator: “\+\+”\.$/],
    [rule('(a)\\1', { match: 'expression' }), /back references/],
    [rule('(?<x>a)\\k<x>', { match: 'expression' }), /back references/],
    [rule('^(?=.*card)', { match: 'expression' }), /looking ahead or behind .* is not taken/],
    [rule('^(?!.*card)', { match: 'expression' }), /looking ahead or behind .* is not taken/],
    [rule('(?<=€ ?)\\d', { match: 'expression' }), /looking ahead or behind .* is not taken/],
    [rule('(?<!not )happy', { match: 'expression' }), /looking ahead or behind .* is not taken/],
    [rule('a{999}b{999}c{999}', { match: 'expression' }), /too large/],
    [rule('(a{1000}){1000}', { match: 'expression' }), /invalid repeat count/],
    [rule('((((a{99}){99}){99}){99}){99}', { match: 'expression' }), /invalid repeat count/],
    [
      rule('a'.repeat(2001), { match: 'expression' }),
      /^Rule 2 \(a{40}…\) for “refund”: it is longer/,
    ],
    [rule('', { match: 'expression' }), /it is empty/],
  ])('%o', async (bad, message) => {
    await expect(compileRules([rule('fine'), bad], CLASSES, false)).rejects.toMatchObject({
      code: 'bad-setting',
      message: expect.stringMatching(message) as string,
    });
  });

  it('are no rules', async () => {
    await expect(compileRules([], CLASSES, false)).rejects.toThrow(/no rules yet/);
  });
});

describe('votes', () => {
  const rules = [
    rule('refund, money back'),
    rule('cash', { class: 'refund' }),
    rule('card|visa', { class: 'card', match: 'expression' }),
  ];
  const texts = ['Refund to my card', 'cash refund to my card', 'my VISA', 'hello', ''];

  it('are shared by the rules that match; a text that none matches gets no vote', async () => {
    const third = Math.fround(1 / 3);
    expect([...ruleVotes(await compileRules(rules, CLASSES, false), texts)]).toEqual([
      ...[0.5, 0.5, 0],
      ...[Math.fround(third + 1 / 3), third, 0],
      ...[0, 1, 0],
      ...[NaN, NaN, NaN],
      ...[NaN, NaN, NaN],
    ]);
  });

  it('stand each for itself where a text may have several labels', async () => {
    expect([...ruleVotes(await compileRules(rules, CLASSES, true), texts)]).toEqual([
      ...[1, 1, 0],
      ...[1, 1, 0],
      ...[0, 1, 0],
      ...[NaN, NaN, NaN],
      ...[NaN, NaN, NaN],
    ]);
  });

  it('look at the first 20,000 characters of a text', async () => {
    const compiled = await compileRules([rule('card', { class: 'card' })], CLASSES, false);
    const before = 'x '.repeat(RULE_CHARACTERS / 2 - 4);
    expect(compiled.matching(`${before}card`)).toEqual([0]);
    expect(compiled.matching(`${before}${before}card`)).toEqual([]);
  });
});

async function refusal(
  pattern: string,
  ignoreCase: boolean,
  match: LabelRule['match'] = 'expression',
): Promise<HeadlightError | null> {
  try {
    await matches(pattern, 'aab 01 😀', { match, ignore_case: ignoreCase });
    return null;
  } catch (error) {
    if (error instanceof HeadlightError) return error;
    throw new Error(`${JSON.stringify(pattern)} threw ${String(error)}`, { cause: error });
  }
}

/** null: refused in words (too large, two groups of one name), though JavaScript takes it. */
async function matchedOrRefused(
  pattern: string,
  text: string,
  ignoreCase: boolean,
): Promise<boolean | null> {
  try {
    return await expression(pattern, text, ignoreCase);
  } catch (error) {
    if (error instanceof HeadlightError && error.code === 'bad-setting') return null;
    throw error;
  }
}

/** What “as a whole word” means, sign by sign; both in lower case. */
function standsAlone(text: string, keyword: string): boolean {
  for (let at = text.indexOf(keyword); at >= 0; at = text.indexOf(keyword, at + 1)) {
    const before = Array.from(text.slice(0, at)).at(-1) ?? '';
    const after = Array.from(text.slice(at + keyword.length))[0] ?? '';
    const signs = Array.from(keyword);
    if (mayDivide(before, signs[0]!) && mayDivide(signs.at(-1)!, after)) return true;
  }
  return false;
}

function mayDivide(left: string, right: string): boolean {
  const isWord = (sign: string): boolean => /[\p{L}\p{N}\p{M}]/u.test(sign);
  const isUnspaced = (sign: string): boolean =>
    /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Thai}]/u.test(sign);
  if (!isWord(left) || !isWord(right)) return true;
  if (/\p{M}/u.test(right)) return false;
  return isUnspaced(left) || isUnspaced(right);
}

/** So many “a” and “!”, which no short cycle of steps goes through. */
function randomAs(length: number): string {
  const random = seededRandom(8);
  return Array.from({ length }, () => (random.integer(8) === 0 ? '!' : 'a')).join('');
}

/** Signs and parts that mean the same to RE2 and to JavaScript in Unicode mode, in this alphabet. */
const LETTERS = [...Array.from('abAB1_ sSkK'), 'ß', 'ẞ', '😀', '\n', 'é', 'É', 'σ', 'ς'];

function randomText(random: Random, longest: number): string {
  const length = random.integer(longest + 1);
  return Array.from({ length }, () => LETTERS[random.integer(LETTERS.length)]!).join('');
}

const ATOMS = [
  ...['a', 'b', 'A', '1', 's', 'k', 'ß', 'é', 'Σ', '😀', '.', ' ', '\\n', '\\x61', '\\.'],
  ...['\\w', '\\W', '\\d', '\\D', '\\s', '\\S', '\\p{L}', '\\P{L}', '\\p{Nd}'],
  ...['[ab]', '[^a]', '[a-b1]', '[\\w\\]]', '[^\\s\\d]', '[A-Zé😀]'],
];
const PLACES = ['^', '$', '\\b', '\\B'];
const OFTEN = ['*', '+', '?', '*?', '+?', '??', '{2}', '{0}', '{1,2}', '{2,}', '{0,3}?'];
const OPENS = ['(', '(?:', '(?<n>'];

function randomPattern(random: Random, depth: number): string {
  const one = (): string => {
    const what = random.integer(10);
    if (what === 0) return PLACES[random.integer(PLACES.length)]!;
    const isGroup = depth > 0 && what < 5;
    const open = OPENS[random.integer(OPENS.length)]!;
    const own = isGroup
      ? `${open}${randomPattern(random, depth - 1)})`
      : ATOMS[random.integer(ATOMS.length)]!;
    return random.integer(3) === 0 ? own + OFTEN[random.integer(OFTEN.length)]! : own;
  };
  const sequence = (): string => Array.from({ length: random.integer(4) }, one).join('');
  return Array.from({ length: 1 + random.integer(2) }, sequence).join('|');
}
