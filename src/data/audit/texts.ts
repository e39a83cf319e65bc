/** Texts that stand more than once: exactly, nearly, and under different labels. */
import type { AuditFinding, LabelledTexts, Split } from '../types';
import { groupTexts, type RowGroups } from '../same-text';
import { labelKeys, many, origins } from '../words';

export function auditCopies(
  data: LabelledTexts,
  groups: RowGroups,
  split: Split | null,
): AuditFinding[] {
  const repeated: number[] = [];
  for (let group = 0; group < groups.count; group++) {
    if (groups.size(group) > 1) for (const row of groups.rows(group)) repeated.push(row);
  }
  if (repeated.length === 0) return [];
  const text = (values: readonly string[]): string[] => repeated.map((row) => values[row] ?? '');
  const exact = groupTexts(
    { texts: text(data.texts), pairs: data.pairs === null ? null : text(data.pairs) },
    'exact',
  );
  const copies: number[] = [];
  const near: number[] = [];
  for (let group = 0; group < exact.count; group++) {
    const [first, ...others] = Array.from(exact.rows(group), (at) => repeated[at] ?? 0);
    for (const row of others) copies.push(row);
    if (first !== undefined && groups.first(groups.of[first] ?? 0) !== first) near.push(first);
  }
  copies.sort((a, b) => a - b);
  near.sort((a, b) => a - b);
  const findings: AuditFinding[] = [];
  if (copies.length > 0) {
    findings.push({
      id: 'exact_duplicates',
      severity: 'warn',
      title: `${many(copies.length, 'row repeats', 'rows repeat')} a text exactly`,
      detail: `The same text stands in an earlier row. Copies count twice in training and in the figures.${byPart(split, copies)}`,
      count: copies.length,
      rows: origins(data, copies),
      repair: { kind: 'drop_duplicates' },
    });
  }
  if (near.length > 0) {
    findings.push({
      id: 'near_duplicates',
      severity: 'note',
      title: `${many(near.length, 'row repeats', 'rows repeat')} a text nearly`,
      detail: `But for case, white space and punctuation the same text stands in an earlier row. All copies are kept in one part.${byPart(split, near)}`,
      count: near.length,
      rows: origins(data, near),
      repair: { kind: 'drop_duplicates' },
    });
  }
  return findings;
}

function byPart(split: Split | null, rows: readonly number[]): string {
  if (split === null) return '';
  const wanted = new Set(rows);
  const count = (part: Int32Array): number => part.filter((row) => wanted.has(row)).length;
  const validation = count(split.validation);
  if (rows.length === 1) {
    if (count(split.test) === 1) return ' It is in the test.';
    return count(split.train) === 1 ? ' It is in training.' : '';
  }
  const among = validation === 0 ? '' : `, ${validation} in validation`;
  return ` ${count(split.train)} of these rows are in training${among}, ${count(split.test)} in the test.`;
}

/** The same text, exactly or nearly, under different labels. */
export function auditConflicts(data: LabelledTexts, groups: RowGroups): AuditFinding[] {
  const rows: number[] = [];
  let texts = 0;
  const key = labelKeys(data);
  for (let group = 0; group < groups.count; group++) {
    if (groups.size(group) < 2 || !inConflict(groups.rows(group), key)) continue;
    texts++;
    for (const row of groups.rows(group)) rows.push(row);
  }
  if (texts === 0) return [];
  const what = data.tags === null ? 'labels' : 'tags';
  return [
    {
      id: 'conflicting_labels',
      severity: 'warn',
      title: `${many(texts, 'text has', 'texts have')} different ${what} in different rows`,
      detail: `${many(rows.length, 'row')} hold these texts. They cannot all be right: they teach two things at once, and not all of them can be answered rightly in a test.`,
      count: rows.length,
      rows: origins(data, rows),
      repair: { kind: 'drop_conflicting' },
    },
  ];
}

export function inConflict(rows: Int32Array, key: (row: number) => string | number): boolean {
  if (rows.length < 2) return false;
  const first = key(rows[0] ?? 0);
  for (const row of rows) if (key(row) !== first) return true;
  return false;
}
