/** Classes that cannot be learned, are one class twice, have no names, or come one after the other. */
import { classCounts } from '../labels';
import type { AuditFinding, LabelledTexts, Split } from '../types';
import type { RowGroups } from '../same-text';
import { listed, many, origins } from '../words';

/** Fewer rows than this are too few to test a class. */
const FEW = 8;
/** So many small classes are named one by one, each with its repair. */
const NAMED = 20;

/** A label but for its case and white space. */
export function labelKey(label: string): string {
  return label
    .normalize('NFKC')
    .replace(/[\u00ad\u200b\u2060\ufeff]/g, '')
    .replace(/\s+/g, ' ')
    .trim()
    .toUpperCase()
    .toLowerCase();
}

export function auditSpelling(data: LabelledTexts): AuditFinding[] {
  const counts = classCounts(data);
  const alike = new Map<string, number[]>();
  data.classes.forEach((label, index) => {
    const key = labelKey(label);
    alike.set(key, [...(alike.get(key) ?? []), index]);
  });
  return [...alike.values()].flatMap((classes): AuditFinding[] => {
    if (classes.length < 2) return [];
    const byRows = [...classes].sort((a, b) => (counts[b] ?? 0) - (counts[a] ?? 0) || a - b);
    const [to = '', ...from] = byRows.map((index) => data.classes[index] ?? '');
    const others = new Set(byRows.slice(1));
    const rows = rowsOf(data, (label) => others.has(label));
    return [
      {
        id: 'label_spelling',
        severity: 'warn',
        title: `${listed([to, ...from])} differ only in case or white space`,
        detail: `They are trained as ${byRows.length} classes. Joined, they are “${to}”, as most of their rows write it.`,
        count: rows.length,
        rows: origins(data, rows),
        repair: { kind: 'join_labels', from, to },
      },
    ];
  });
}

function rowsOf(data: LabelledTexts, wanted: (label: number) => boolean): number[] {
  const rows: number[] = [];
  const width = data.classes.length;
  const labels = data.classes.map((_, label) => label).filter(wanted);
  for (let row = 0; row < data.texts.length; row++) {
    const has =
      data.targets === null
        ? wanted(data.labels[row] ?? -1)
        : labels.some((label) => data.targets?.[row * width + label] === 1);
    if (has) rows.push(row);
  }
  return rows;
}

export function auditSmall(data: LabelledTexts, groups: RowGroups): AuditFinding[] {
  const counts = classCounts(data);
  const small = data.classes.map((_, label) => label).filter((label) => (counts[label] ?? 0) < FEW);
  const noun = data.targets === null ? 'Class' : 'Label';
  const findings: AuditFinding[] = [];
  const later: number[] = [];
  for (const label of small) {
    const rows = rowsOf(data, (other) => other === label);
    const texts = new Set(rows.map((row) => groups.of[row])).size;
    if (texts >= 2 && findings.length >= NAMED) {
      later.push(label);
      continue;
    }
    const name = data.classes[label] ?? '';
    const copies = texts < rows.length ? ` (${many(texts, 'different text')})` : '';
    findings.push({
      id: 'small_class',
      severity: texts < 2 ? 'stop' : 'warn',
      title: `${noun} “${name}” has only ${many(rows.length, 'row')}${copies}`,
      detail:
        texts < 2
          ? 'It cannot be both trained and tested. Add rows, join it with another, or leave it out.'
          : `With fewer than ${FEW} rows hardly one is left for the test, so its figures say little. Add rows, join it with another, or leave it out.`,
      count: rows.length,
      rows: origins(data, rows),
      repair: { kind: 'drop_class', label: name },
    });
  }
  if (later.length > 0) {
    const wanted = new Set(later);
    const rows = rowsOf(data, (label) => wanted.has(label));
    findings.push({
      id: 'small_class',
      severity: 'warn',
      title: `${later.length} more ${data.targets === null ? 'classes' : 'labels'} have fewer than ${FEW} rows`,
      detail: `${listed(later.map((label) => data.classes[label] ?? ''))}. Their figures say little.`,
      count: rows.length,
      rows: origins(data, rows),
      repair: null,
    });
  }
  if (data.targets !== null) findings.push(...auditEverywhere(data, counts));
  return findings;
}

/** A label that every row has says nothing. */
function auditEverywhere(data: LabelledTexts, counts: Int32Array): AuditFinding[] {
  const rows = data.texts.length;
  return data.classes.flatMap((name, label): AuditFinding[] => {
    if (rows - (counts[label] ?? 0) >= 2) return [];
    return [
      {
        id: 'small_class',
        severity: 'stop',
        title: `Label “${name}” stands in ${rows === counts[label] ? 'every row' : 'all rows but one'}`,
        detail: 'There is nothing to tell it from. Add rows without it, or leave it out.',
        count: rows,
        rows: [],
        repair: { kind: 'drop_class', label: name },
      },
    ];
  });
}

/**
 * Of files that are trained on; the order of a test file changes nothing.
 * @param shuffled false when the split takes the rows in the order of the file.
 */
export function auditOrder(
  data: LabelledTexts,
  shuffled: boolean,
  split: Split | null,
): AuditFinding[] {
  const trained =
    split === null ? null : new Set([...split.train].map((row) => data.origin[row]?.file ?? ''));
  const files = new Map<string, { rows: number; changes: number[]; last: number }>();
  const counts = new Map<string, Map<number, number>>();
  data.labels.forEach((label, row) => {
    const file = data.origin[row]?.file ?? '';
    let found = files.get(file);
    if (found === undefined) files.set(file, (found = { rows: 0, changes: [], last: -1 }));
    found.rows++;
    if (found.last !== label) found.changes.push(row);
    found.last = label;
    const own = counts.get(file) ?? new Map<number, number>();
    counts.set(file, own.set(label, (own.get(label) ?? 0) + 1));
  });
  return [...files].flatMap(([file, { rows, changes }]): AuditFinding[] => {
    const own = [...(counts.get(file)?.values() ?? [])];
    if (rows < 20 || own.length < 2 || trained?.has(file) === false) return [];
    // Blocks that a shuffled file of these classes would have.
    const expected = 1 + rows * (1 - own.reduce((sum, n) => sum + (n / rows) ** 2, 0));
    const blocks = changes.length;
    if (blocks > Math.max(1.5 * own.length, 0.1 * expected) || blocks > 0.5 * expected) return [];
    return [
      {
        id: 'sorted_by_class',
        severity: shuffled ? 'note' : 'warn',
        title: `${file} is sorted by class`,
        detail: `Its ${many(rows, 'row')} stand in ${many(blocks, 'block')} of one class each. ${shuffled ? 'Rows are divided and trained in random order, so nothing need be done.' : 'Without shuffling, whole classes fall into one part: shuffle the split.'}`,
        count: rows,
        rows: origins(data, changes),
        repair: null,
      },
    ];
  });
}

/** @param names of the labels, where a file of names was found. */
export function auditNames(
  data: LabelledTexts,
  names: Readonly<Record<string, string>> | null,
): AuditFinding[] {
  if (!data.classes.every((label) => /^-?\d+$/.test(label))) return [];
  const given = names === null ? [] : data.classes.map((label) => names[label] ?? label);
  return [
    {
      id: 'unnamed_labels',
      severity: 'note',
      title: 'The labels are numbers without names',
      detail:
        names === null
          ? `They are ${listed(data.classes)}. If they stand for something, give them names, or a file of names beside the data: one a line, the first for ${data.classes.includes('0') ? 0 : 1}.`
          : `A file of names was found: ${listed(given)} can stand in their place.`,
      count: data.classes.length,
      rows: [],
      repair: names === null ? null : { kind: 'name_labels', names },
    },
  ];
}
