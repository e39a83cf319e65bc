/**
 * The review table’s pages: every filter and order says what it promises, labelling a row moves no other past it, and a
 * page of 100,000 rows comes at once.
 */
import { describe, expect, it, test } from 'vitest';
import { seededRandom } from '../../../../src/base';
import { reviewRows, type ReviewSource } from '../../../../src/engine/labelling/review';
import type { ReviewQuery } from '../../../../src/engine/labelling-types';
import { combineVotes, type HandLabel, type Votes } from '../../../../src/learning/labelling';

const CLASSES = ['a', 'b'];
const FIRST: ReviewQuery = {
  state: 'all',
  label: null,
  confidence: null,
  disagreement: false,
  order: 'file',
  from: 0,
  count: 50,
};

/** Six rows: sure of a, unsure of a, disagreed on, sure of b, no vote, b by one teacher. */
const one = votes([0.875, 0.125], [0.625, 0.375], [0.9375, 0.0625], [0, 1], [NaN, NaN], [NaN, NaN]);
const two = votes(
  [0.875, 0.125],
  [0.625, 0.375],
  [0.3125, 0.6875],
  [0, 1],
  [NaN, NaN],
  [0.25, 0.75],
);

function votes(...rows: readonly (readonly number[])[]): Votes {
  return Float32Array.from(rows.flat());
}

function sourceOf(
  all: readonly Votes[],
  threshold = 0.7,
): ReviewSource & { readonly made: Map<number, HandLabel> } {
  const rows = (all[0]?.length ?? 0) / CLASSES.length;
  const made = new Map<number, HandLabel>();
  const accept = { by: 'threshold', value: threshold, agreement: false, prior: null } as const;
  return {
    classes: CLASSES,
    several: false,
    texts: Array.from({ length: rows }, (_, row) => `text ${row}`),
    origin: Array.from({ length: rows }, (_, row) => ({ file: 'f.csv', row, line: row + 2 })),
    votes: [...all, null],
    proposals: combineVotes(all, CLASSES.length, false, accept),
    hand: (row) => made.get(row) ?? null,
    isKnown: () => false,
    made,
  };
}

function handLabel(row: number, labels: readonly string[] | null): HandLabel {
  return { file: 'f.csv', row, labels, held_out: false, how: 'review', at: row };
}

function rowsOf(source: ReviewSource, query: Partial<ReviewQuery>): number[] {
  return reviewRows(source, { ...FIRST, ...query }).rows.map(({ origin }) => origin.row);
}

test('what the file says of held-out rows is not asked for, nor shown beside what is proposed', () => {
  const source = { ...sourceOf([one, two]), isKnown: (row: number) => row % 2 === 0 };
  expect(rowsOf(source, { state: 'open' })).toEqual([1, 3, 5]);
  expect(rowsOf(source, { state: 'accepted' })).toEqual([3, 5]);
  expect(rowsOf(source, { state: 'left' })).toEqual([1]);
  expect(rowsOf(source, { state: 'all' })).toEqual([0, 1, 2, 3, 4, 5]);
});

describe('a page of the review table', () => {
  const source = sourceOf([one, two]);
  source.made.set(0, handLabel(0, ['b']));
  source.made.set(5, handLabel(5, null));

  test.each<[Partial<ReviewQuery>, number[]]>([
    [{}, [0, 1, 2, 3, 4, 5]],
    [{ order: 'unsure' }, [1, 2, 5, 0, 3, 4]],
    [{ order: 'sure' }, [3, 0, 5, 1, 2, 4]],
    [{ order: 'disagreement' }, [2, 1, 5, 0, 3, 4]],
    [{ state: 'open' }, [1, 2, 3, 4]],
    [{ state: 'hand' }, [0]],
    [{ state: 'skipped' }, [5]],
    [{ state: 'accepted' }, [0, 3, 5]],
    [{ state: 'left' }, [1, 2, 4]],
    [{ label: 'b' }, [3, 5]],
    [{ confidence: [0.6, 0.9] }, [0, 1, 2, 5]],
    [{ confidence: [0.75, 0.75] }, [5]],
    [{ disagreement: true }, [2]],
    [{ state: 'open', label: 'a', order: 'sure', confidence: [0, 1] }, [1, 2]],
    [{ order: 'unsure', from: 2, count: 2 }, [5, 0]],
    [{ from: 6 }, []],
  ])('%o shows the rows %o', (query, rows) => {
    expect(rowsOf(source, query)).toEqual(rows);
  });

  it('says all there is to know of a row', () => {
    const { rows, total } = reviewRows(source, { ...FIRST, from: 2, count: 1 });
    expect(total).toBe(6);
    expect(rows[0]).toEqual({
      origin: { file: 'f.csv', row: 2, line: 4 },
      text: 'text 2',
      proposed: {
        label: 'a',
        confidence: 0.625,
        probabilities: [0.625, 0.375],
      },
      votes: ['a', 'b', null],
      accepted: false,
      hand: null,
    });
    const [none] = reviewRows(source, { ...FIRST, from: 4, count: 1 }).rows;
    expect(none).toMatchObject({ proposed: null, votes: [null, null, null], accepted: false });
  });

  it('shows the file’s rows before a teacher has voted', () => {
    const before = { ...source, proposals: null, votes: [null, null] };
    expect(rowsOf(before, { order: 'unsure' })).toEqual([0, 1, 2, 3, 4, 5]);
    expect(rowsOf(before, { label: 'a' })).toEqual([]);
    expect(rowsOf(before, { disagreement: true })).toEqual([]);
  });

  test.each<[Partial<ReviewQuery>]>([
    [{ label: 'c' }],
    [{ confidence: [0.9, 0.1] }],
    [{ confidence: [NaN, 1] }],
    [{ from: -1 }],
    [{ from: 0.5 }],
    [{ count: 0 }],
    [{ count: 201 }],
  ])('%o cannot be asked', (query) => {
    expect(() => rowsOf(source, query)).toThrow(
      expect.objectContaining({ code: 'bad-setting' }) as Error,
    );
  });
});

describe('labelling while pages are turned', () => {
  const random = seededRandom(1);
  const many = Float32Array.from({ length: 400 }, (_, at) =>
    at % 2 === 0 ? 0.5 + random.next() / 2 : 0,
  );
  for (let at = 1; at < 400; at += 2) many[at] = 1 - (many[at - 1] ?? 0);

  it('shows every open row once, in the order it had, when the rows labelled are counted out', () => {
    const source = sourceOf([many]);
    const before = rowsOf(source, { state: 'open', order: 'unsure', count: 200 });
    const seen: number[] = [];
    let from = 0;
    for (;;) {
      const page = rowsOf(source, { state: 'open', order: 'unsure', from, count: 20 });
      if (page.length === 0) break;
      seen.push(...page);
      const labelled = page.filter((row) => row % 3 !== 0);
      for (const row of labelled) source.made.set(row, handLabel(row, ['a']));
      from += page.length - labelled.length;
    }
    expect(seen).toEqual(before);
  });

  it.each(['all', 'accepted', 'left'] as const)(
    'leaves the rows of “%s” where they are',
    (state) => {
      const source = sourceOf([many]);
      const query = { state, order: 'sure', count: 200 } as const;
      const before = rowsOf(source, query);
      expect(before.length).toBeGreaterThan(10);
      for (const row of before.slice(0, 10)) source.made.set(row, handLabel(row, ['b']));
      expect(rowsOf(source, query)).toEqual(before);
    },
  );
});

it('turns a page of 100,000 rows in less than 200 ms of work, ordered and filtered', () => {
  const rows = 100_000;
  const random = seededRandom(2);
  const all = [0, 1].map(() => {
    const own = new Float32Array(rows * 2);
    for (let row = 0; row < rows; row++) {
      own[2 * row] = random.next();
      own[2 * row + 1] = 1 - (own[2 * row] ?? 0);
    }
    return own;
  });
  const source = sourceOf(all);
  for (let row = 0; row < rows; row += 7) source.made.set(row, handLabel(row, ['a']));
  const query = { ...FIRST, state: 'open', label: 'b', order: 'unsure', from: 20_000 } as const;
  reviewRows(source, query);
  const took = [1, 2, 3].map((time) => {
    const before = process.cpuUsage();
    reviewRows(source, { ...query, from: 20_000 + 50 * time });
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  expect(Math.min(...took)).toBeLessThan(200);
});
