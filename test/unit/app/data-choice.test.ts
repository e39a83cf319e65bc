/** What the data step makes of a view: ways of labels, splits as they are typed, what the audit shows, old reports. */
import { describe, expect, test } from 'vitest';
import { finish } from '../../../src/base';
import type { AuditFinding, ColumnProfile, Repair } from '../../../src/data';
import type { DataChoice, ProjectView } from '../../../src/engine';
import {
  acceptedRepairs,
  openFindings,
  safeRepairs,
  without,
  withRepairs,
} from '../../../src/app/state/audit';
import { severalColumns, tickable, withTick } from '../../../src/app/state/label-ways';
import { isOfPresent } from '../../../src/app/state/present';
import {
  byColumn,
  DEFAULT_SPLIT,
  readRows,
  readSeed,
  readShare,
  withShare,
} from '../../../src/app/state/split-choice';
import { FakeEngine } from '../../helpers/fake-engine';

const CSV = 'text,topic,spam,urgent\none,a,0,1\ntwo,b,1,0\nthree,a,0,0\nfour,b,1,1\n';

async function viewOf(change: Partial<DataChoice> = {}): Promise<ProjectView> {
  const engine = new FakeEngine();
  const bytes = new TextEncoder().encode(CSV);
  const view = await finish(engine.createProject([{ name: 'inbox.csv', bytes }]));
  return { ...view, choice: { ...view.choice, ...change } };
}

const column = (name: string, examples: string[]): ColumnProfile => ({
  name,
  distinct: examples.length,
  empty: 0,
  meanLength: 3,
  examples,
});

describe('labels in several columns', () => {
  async function withColumns(): Promise<ProjectView> {
    const view = await viewOf({ textColumn: 'text' });
    const columns = [
      column('text', ['one', 'two', 'three']),
      column('spam', ['0', '1']),
      column('paid', ['no', 'yes']),
      column('amount', ['0', '1', '2']),
      column('note', ['0', 'hello']),
    ];
    return { ...view, findings: { ...view.findings, columns, labelChoice: null } };
  }
  test('those of yes and no can be ticked, in the order of the table, the last one not off', async () => {
    const view = await withColumns();
    expect(tickable(view)).toEqual(['spam', 'paid']);
    expect(severalColumns(view)).toEqual({ kind: 'columns', columns: ['spam', 'paid'] });
    const one = { kind: 'columns', columns: ['paid'] } as const;
    expect(withTick(view, one, 'spam', true)).toEqual({
      kind: 'columns',
      columns: ['spam', 'paid'],
    });
    expect(withTick(view, one, 'paid', false)).toBeNull();
  });
});

describe('a split as it is typed', () => {
  test.each([
    ['20', 0.2],
    ['12,5 %', 0.125],
    ['0.5', 0.005],
  ])('%s is the share %d', (typed, share) => {
    expect(readShare(typed, 'test', 0)).toEqual({ value: share });
  });
  test.each([
    ['', 0, /number of percent/],
    ['many', 0, /number of percent/],
    ['0', 0, /more than 0 %/],
    ['100', 0, /less than 100 %/],
    ['90', 0.1, /10 % set aside already/],
  ])('“%s” beside %d is refused in words', (typed, other, words) => {
    const read = readShare(typed, 'test', other);
    expect('problem' in read ? read.problem : '').toMatch(words);
  });
  test('seeds and rows are whole; no rows are all', () => {
    expect(readSeed('7')).toEqual({ value: 7 });
    expect(readSeed('1.5')).toHaveProperty('problem');
    expect(readSeed('-1')).toHaveProperty('problem');
    expect(readSeed('')).toHaveProperty('problem');
    expect(readRows('1,200')).toEqual({ value: 1200 });
    expect(readRows(' ')).toEqual({ value: null });
    expect(readRows('1')).toHaveProperty('problem');
  });
  test('what is as by default is left out, so that a change taken back is no change', () => {
    const changed = withShare(DEFAULT_SPLIT, {
      validationShare: 0.1,
      shuffle: false,
      stratify: false,
      groups: 'author',
    });
    expect(changed).toEqual({
      method: 'stratified',
      testShare: 0.2,
      validationShare: 0.1,
      seed: 0,
      shuffle: false,
      stratify: false,
      groups: 'author',
    });
    const back = withShare(changed, {
      validationShare: 0,
      shuffle: true,
      stratify: true,
      groups: null,
    });
    expect(back).toEqual(DEFAULT_SPLIT);
  });
  test('a column’s values are parts by their names, else the rarest is the test', () => {
    const value = (name: string, rows: number, part: 'train' | 'validation' | null = null) => ({
      value: name,
      rows,
      part,
    });
    expect(
      byColumn('set', {
        distinct: 3,
        values: [value('train', 8, 'train'), value('dev', 2, 'validation'), value('?', 1)],
      }).parts,
    ).toEqual({ train: 'train', dev: 'test', '?': 'unused' });
    expect(
      byColumn('year', { distinct: 2, values: [value('2024', 8), value('2025', 2)] }).parts,
    ).toEqual({ '2024': 'train', '2025': 'test' });
  });
});

describe('the audit', () => {
  const finding = (
    id: AuditFinding['id'],
    severity: AuditFinding['severity'],
    repair: Repair | null = null,
    title: string = id,
  ): AuditFinding => ({ id, severity, title, detail: '', count: 1, rows: [], repair });
  const small = Array.from({ length: 300 }, (_, i) =>
    finding('small_class', 'warn', { kind: 'drop_class', label: `c${i}` }, `c${i}`),
  );

  test('three hundred small classes are one line; what stops comes first', () => {
    const groups = openFindings(
      [...small, finding('empty_texts', 'note'), finding('ragged_rows', 'stop')],
      [],
    );
    expect(groups.map(({ severity, findings }) => [severity, findings.length])).toEqual([
      ['stop', 1],
      ['warn', 300],
      ['note', 1],
    ]);
    expect(groups[1]?.title).toMatch(/^300 labels have too few rows/);
    expect(groups[1]?.repairs).toHaveLength(300);
    expect(safeRepairs(groups)).toEqual([]);
  });
  test('a repair of two findings is offered once, and both go with it', () => {
    const drop = { kind: 'drop_duplicates' } as const;
    const found = [
      finding('exact_duplicates', 'warn', drop),
      finding('near_duplicates', 'note', drop),
      finding('sorted_by_class', 'note'),
    ];
    const groups = openFindings(found, []);
    expect(groups.map(({ repairs }) => repairs.length)).toEqual([1, 0, 0]);
    expect(safeRepairs(groups)).toEqual([drop]);
    expect(openFindings(found, [drop]).map(({ findings }) => findings[0]?.id)).toEqual([
      'sorted_by_class',
    ]);
  });
  test('labels mended by hand stand among the repairs, and each is undone alone', async () => {
    const byHand = { kind: 'set_label', file: 'inbox.csv', row: 2, labels: ['b'] } as const;
    const drop = { kind: 'drop_duplicates' } as const;
    const repairs = withRepairs([byHand], [drop, drop]);
    expect(repairs).toEqual([byHand, drop]);
    const view = await viewOf({ repairs });
    const { summary } = view;
    const change = {
      repair: byHand,
      sentence: 'Mended by hand.',
      part: 'train',
      count: 1,
      rows: [],
    } as const;
    const changes = [change];
    const listed = acceptedRepairs({
      ...view,
      summary: summary === null ? null : { ...summary, changes },
    });
    expect(listed.map(({ sentence }) => sentence)).toEqual([
      'Mended by hand.',
      'Drop copies from training: there is nothing for it to do now.',
    ]);
    expect(without(repairs, [byHand])).toEqual([drop]);
  });
});

describe('a report is of the data as they are', () => {
  async function present() {
    const view = await viewOf();
    const { choice, files } = view;
    const recipe = {
      split: choice.split,
      data: {
        text: choice.textColumn ?? '',
        text_pair: choice.textPairColumn,
        label: choice.label ?? { kind: 'column' as const, column: '' },
        use_rows: choice.useRows,
        repairs: choice.repairs,
        files: files.map(({ name, role, format, encoding, delimiter, hasHeader, sheet }) => ({
          ...{ name, role, format, encoding, delimiter, hasHeader, sha256: 'f'.repeat(64) },
          ...(sheet === null ? {} : { sheet }),
        })),
      },
    };
    return { recipe, view };
  }
  test('only while nothing was changed', async () => {
    const { recipe, view } = await present();
    expect(isOfPresent(recipe, view)).toBe(true);
    const changes: Partial<DataChoice>[] = [
      { textColumn: 'topic' },
      { textPairColumn: 'topic' },
      { label: { kind: 'delimited', column: 'topic', delimiter: ';' } },
      { label: { kind: 'columns', columns: ['spam', 'urgent'] } },
      { useRows: 3 },
      { repairs: [{ kind: 'drop_duplicates' }] },
      { split: { method: 'column', column: 'topic', parts: { a: 'train', b: 'test' } } },
      { split: withShare(DEFAULT_SPLIT, { validationShare: 0.1 }) },
      { split: withShare(DEFAULT_SPLIT, { groups: 'topic' }) },
      { files: { 'inbox.csv': 'unused' } },
    ];
    for (const change of changes) {
      const changed = { ...view, choice: { ...view.choice, ...change } };
      expect([change, isOfPresent(recipe, changed)]).toEqual([change, false]);
    }
  });
  test.each([
    ['encoding', { encoding: 'windows-1252' }],
    ['delimiter', { delimiter: ';' }],
    ['header', { hasHeader: false }],
    ['sheet', { sheet: 'Sheet2' }],
    ['quotes', { quotes: false }],
    ['format', { format: 'lines' }],
  ] as const)('nor when the file is read with another %s', async (_, reading) => {
    const { recipe, view } = await present();
    const files = view.files.map((file) => ({ ...file, ...reading }));
    expect(isOfPresent(recipe, { ...view, files })).toBe(false);
  });
});
