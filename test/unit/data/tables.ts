/** Small tables for the tests of what is made of tables. */
import type { Table } from '../../../src/data';

/** A table of these columns, its first row on line 2. */
export function table(
  name: string,
  columns: Readonly<Record<string, readonly string[]>>,
  settings: Partial<Table> = {},
): Table {
  const rowCount = Math.max(0, ...Object.values(columns).map(({ length }) => length));
  return {
    name,
    columns: Object.entries(columns).map(([column, cells]) => ({ name: column, cells })),
    rowCount,
    format: 'table',
    lines: Int32Array.from({ length: rowCount }, (_, row) => row + 2),
    encoding: 'utf-8',
    delimiter: ',',
    hasHeader: true,
    problems: [],
    problemCount: 0,
    rejected: { rows: [], count: 0, truncated: false },
    ...settings,
  };
}

/** `count` different sentences of everyday words, seeded by their number. */
export function sentences(count: number, from = 0): string[] {
  const who = [
    'the driver',
    'my sister',
    'a nurse',
    'our teacher',
    'the old man',
    'her cousin',
    'a guest',
  ];
  const does = ['found', 'lost', 'painted', 'sold', 'cleaned', 'broke', 'carried', 'hid', 'bought'];
  const what = [
    'the key',
    'a blue bag',
    'two chairs',
    'the map',
    'a lamp',
    'some bread',
    'an umbrella',
    'the clock',
  ];
  const when = ['this morning', 'after lunch', 'on Monday', 'last week', 'before the storm'];
  return Array.from({ length: count }, (_, i) => {
    const n = i + from;
    const word = (list: readonly string[], step: number): string =>
      list[Math.floor(n / step) % list.length] ?? '';
    return `${word(who, 1)} ${word(does, 7)} ${word(what, 63)} ${word(when, 504)} number ${n}`;
  });
}
