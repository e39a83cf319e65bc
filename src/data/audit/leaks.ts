/** What gives the label away: the label written in its own text, or another column that says the same. */
import type { AuditFinding, Column, LabelledTexts, Table } from '../types';
import { listed, origins, percent } from '../words';

const LOOKED_AT = 20_000;
/** So many telling columns are named. */
const MOST_TELLING = 10;

/** Labels that stand as a word in nearly all of their texts, and hardly in any other. */
export function auditTellingTexts(data: LabelledTexts): AuditFinding[] {
  const width = data.classes.length;
  const words = data.classes.map((label) => labelWord(label));
  if (words.every((word) => word === null)) return [];
  const stride = Math.max(1, Math.floor(data.texts.length / LOOKED_AT));
  const own = new Int32Array(width);
  const ownWith = new Int32Array(width);
  const othersWith = new Int32Array(width);
  const telling: number[][] = data.classes.map(() => []);
  let looked = 0;
  for (let row = 0; row < data.texts.length; row += stride) {
    looked++;
    const text = `${data.texts[row] ?? ''} ${data.pairs?.[row] ?? ''}`.toLowerCase();
    words.forEach((word, label) => {
      const has =
        data.targets === null
          ? data.labels[row] === label
          : data.targets[row * width + label] === 1;
      if (has) own[label] = (own[label] ?? 0) + 1;
      if (word === null || !text.includes(word.plain) || !word.pattern.test(text)) return;
      if (has) {
        ownWith[label] = (ownWith[label] ?? 0) + 1;
        telling[label]?.push(row);
      } else othersWith[label] = (othersWith[label] ?? 0) + 1;
    });
  }
  const found = data.classes
    .map((_, label) => label)
    .filter((label) => {
      const rows = own[label] ?? 0;
      const others = looked - rows;
      return (
        rows >= 8 &&
        (ownWith[label] ?? 0) >= 0.9 * rows &&
        (othersWith[label] ?? 0) <= 0.05 * others
      );
    });
  if (found.length === 0) return [];
  const rows = found.flatMap((label) => telling[label] ?? []).sort((a, b) => a - b);
  const share = rows.length / looked;
  return [
    {
      id: 'leaking_column',
      severity: share > 0.5 ? 'warn' : 'note',
      title: `The label stands in its own text: ${listed(found.map((label) => data.classes[label] ?? ''))}`,
      detail: `Nine in ten texts of ${found.length === 1 ? 'this class contain its name' : 'these classes contain their names'}, hardly any other text does (${percent(share)} of all texts). If the label was written into the text, take it out: new texts will not have it. If people write so, all is well.`,
      count: rows.length * stride,
      rows: origins(data, rows),
      repair: null,
    },
  ];
}

function labelWord(label: string): { plain: string; pattern: RegExp } | null {
  const plain = label.toLowerCase().trim();
  if (plain.length < 3 || /^[\d.,+-]+$/.test(plain)) return null;
  const escaped = plain.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return { plain, pattern: new RegExp(`(?<![\\p{L}\\p{N}])${escaped}(?![\\p{L}\\p{N}])`, 'u') };
}

/**
 * Columns beside text and label whose value says the label: every value has one label (but for 2 % of the
 * rows), and values come again. Of one label a row only.
 * @param used the columns of text and label.
 */
export function auditTellingColumns(
  tables: readonly Table[],
  data: LabelledTexts,
  used: ReadonlySet<string>,
): AuditFinding[] {
  if (data.targets !== null || data.tags !== null || data.texts.length < 20) return [];
  const counts = new Int32Array(data.classes.length);
  for (const label of data.labels) counts[label] = (counts[label] ?? 0) + 1;
  const most = counts.reduce((a, b) => Math.max(a, b), 0) / data.texts.length;
  const names = (tables[0]?.columns ?? [])
    .map(({ name }) => name)
    .filter((name) => !used.has(name));
  const places = new Map(
    tables.map((table) => [
      table.name,
      new Map(table.columns.map((column) => [column.name, column])),
    ]),
  );
  const findings: AuditFinding[] = [];
  for (const name of names) {
    if (findings.length === MOST_TELLING) break;
    const columns = new Map<string, Column>();
    for (const [table, byName] of places) {
      const column = byName.get(name);
      if (column !== undefined) columns.set(table, column);
    }
    if (columns.size < tables.length) continue;
    const share = agreement(data, columns);
    if (share === null || share < 0.98 || (share - most) / (1 - most) < 0.95) continue;
    findings.push({
      id: 'leaking_column',
      severity: 'note',
      title: `Column “${name}” gives the label away`,
      detail: `Who knows its value knows the label in ${percent(share)} of the rows. The model is shown the text only, so the figures are not harmed; do not join this column to the text, and check that it is not the label you meant.`,
      count: data.texts.length,
      rows: [],
      repair: null,
    });
  }
  return findings;
}

/** Share of the rows whose label is the commonest one of their value; null when values hardly come again. */
function agreement(data: LabelledTexts, columns: ReadonlyMap<string, Column>): number | null {
  const limit = Math.min(10_000, data.texts.length / 4);
  const byValue = new Map<string, Map<number, number>>();
  let filled = 0;
  for (let row = 0; row < data.texts.length; row++) {
    const origin = data.origin[row];
    if (origin === undefined) continue;
    const value = (columns.get(origin.file)?.cells.at(origin.row) ?? '').trim();
    if (value === '') continue;
    filled++;
    const labels = byValue.get(value) ?? new Map<number, number>();
    if (labels.size === 0) byValue.set(value, labels);
    if (byValue.size > limit) return null;
    const label = data.labels[row] ?? -1;
    labels.set(label, (labels.get(label) ?? 0) + 1);
  }
  if (byValue.size < 2 || filled < 0.9 * data.texts.length) return null;
  let right = 0;
  for (const labels of byValue.values()) right += Math.max(...labels.values());
  return right / filled;
}
