/** Which column holds the labels: one, several of noughts and ones, or one with several values in a cell. */
import { LABEL_NAMES, normalName } from '../header';
import { binaryValue, splitLabels } from '../label-cells';
import type { LabelFinding } from '../types';
import { isPartColumn } from './aside';
import { isAside, ranked, type Traits } from './traits';

const SEVERAL_NAMES =
  /^(labels|tags|topics|genres|emotions|categories|classes|intents|subjects|themes|keywords|etiketten|étiquettes|etiquetas|метки|теги)$/;

/** A name that says label, or labels. */
export function saysLabel({ name }: { readonly name: string }): boolean {
  const plain = normalName(name);
  return LABEL_NAMES.has(plain) || SEVERAL_NAMES.test(plain);
}

/** Columns of one label a row, best first. */
export function findLabels(columns: readonly Traits[]): Traits[] {
  return ranked(columns, labelScore);
}

function labelScore(column: Traits): number {
  const { counts, filled, distinct } = column;
  if (distinct < 2 || distinct > Math.max(2, filled / 2)) return 0;
  const name = normalName(column.name);
  const least = counts[counts.length - 1] ?? 0;
  let entropy = 0;
  for (const count of counts) entropy -= (count / filled) * Math.log(count / filled);
  let score = 0.5 + entropy / Math.log(distinct);
  if (saysLabel(column)) score += 3;
  if (least >= 0.01 * filled) score += 1;
  if (distinct <= 20) score += 1;
  else if (distinct <= 100) score += 0.5;
  if (column.fractional > 0.5 || (column.numeric > 0.9 && distinct > 30)) score -= 3;
  if (isAside(name)) score -= 2;
  if (isPartColumn(column)) score -= 3;
  if (column.meanLength > 40) score -= 2;
  if (filled / distinct < 5 && filled >= 40) score -= 2;
  score -= (2 * column.empty) / (filled + column.empty);
  // Of two alike the first: `toxic` before the finer kinds of it.
  return score - 0.01 * column.index;
}

export function labelReason(column: Traits): string {
  const least = column.counts[column.counts.length - 1] ?? 0;
  const each =
    least >= 0.01 * column.filled
      ? 'each in at least 1 % of the rows'
      : `${Math.round(column.filled / column.distinct)} rows each on average`;
  const named = saysLabel(column) ? ', name says label' : '';
  return `${column.distinct} different values, ${each}${named}`;
}

/** Several columns of 0 and 1 (true and false, yes and no) that can be labels of one text side by side. */
export function findBinaryColumns(
  columns: readonly Traits[],
  single: Traits | null,
): LabelFinding | null {
  const binary = columns.filter(
    (column) =>
      column.complete &&
      column.distinct === 2 &&
      column.empty <= 0.1 * (column.filled + column.empty) &&
      !isAside(normalName(column.name)) &&
      new Set([...column.values.keys()].map(binaryValue)).size === 2 &&
      [...column.values.keys()].every((value) => binaryValue(value) !== null),
  );
  if (binary.length < 2) return null;
  const names = binary.map(({ name }) => name);
  const chosen = single !== null && !binary.includes(single) && saysLabel(single);
  // A column that says it is the label outweighs columns of other facts beside it.
  if (chosen) return null;
  if (binary.some(({ name }) => /^(label|class|target|y|gold|category)$/.test(normalName(name)))) {
    return null;
  }
  if (binary.length === 2 && agreement(binary[0], binary[1]) === 'opposite') return null;
  const several: LabelFinding = {
    choice: { kind: 'columns', columns: names },
    reason: `${names.length} columns that hold only ${valuesOf(binary[0])}: a text can have several of these labels, or none`,
  };
  if (binary.length < 3 || !isExclusive(binary)) return several;
  return {
    choice: { kind: 'columns', columns: names, exclusive: true },
    reason: `${names.length} columns that hold only ${valuesOf(binary[0])}, exactly one of them says yes in every row: one label a text`,
    alternatives: [several],
  };
}

/** Whether each row that says something in all of these columns says yes in exactly one. */
function isExclusive(columns: readonly Traits[]): boolean {
  const parts = columns[0]?.cells ?? [];
  for (const [part, { length }] of parts.entries()) {
    for (let row = 0; row < length; row++) {
      let yes = 0;
      let said = 0;
      for (const { cells } of columns) {
        const value = binaryValue((cells[part]?.at(row) ?? '').trim());
        if (value !== null) said++;
        if (value === 1) yes++;
      }
      if (said === columns.length && yes !== 1) return false;
    }
  }
  return true;
}

function valuesOf(column: Traits | undefined): string {
  const values = [...(column?.values.keys() ?? [])].sort();
  return values.join(' and ');
}

/** Whether one column is 1 just where the other is 0: then they are one label, told twice. */
function agreement(a: Traits | undefined, b: Traits | undefined): 'opposite' | 'free' {
  if (a === undefined || b === undefined) return 'free';
  for (const [part, cells] of a.cells.entries()) {
    const others = b.cells[part];
    for (let row = 0; row < cells.length; row++) {
      const x = binaryValue((cells.at(row) ?? '').trim());
      if (x !== null && x === binaryValue((others?.at(row) ?? '').trim())) return 'free';
    }
  }
  return 'opposite';
}

const DELIMITERS = [',', ';', '|', ' '] as const;
const LOOKED_AT = 5000;

/** A column whose cells hold several labels each. */
export function findDelimited(columns: readonly Traits[]): LabelFinding | null {
  let found: LabelFinding | null = null;
  let most = 0;
  for (const column of columns) {
    if (column.filled === 0 || column.meanLength > 120) continue;
    if (isAside(normalName(column.name))) continue;
    // All its values are at hand: a sign that stands in none of them divides none.
    const values = column.complete ? [...column.values.keys()] : null;
    const signs = DELIMITERS.filter(
      (sign) =>
        values?.some(
          (value) => value.startsWith('[') || value.includes(sign) || /\s/.test(value),
        ) ?? true,
    );
    for (const delimiter of signs) {
      const looks = lookAt(column, delimiter);
      if (looks === null) continue;
      const score = looks.several * (saysLabel(column) ? 3 : 1);
      if (score <= most) continue;
      most = score;
      const mark = delimiter === ' ' ? 'spaces' : `“${delimiter}”`;
      const share = Math.max(1, Math.round(100 * looks.several));
      found = {
        choice: { kind: 'delimited', column: column.name, delimiter },
        reason: `${looks.labels} different labels, several of them in one cell divided by ${mark} in ${share} % of the rows`,
      };
    }
  }
  return found;
}

function lookAt(column: Traits, delimiter: string): { labels: number; several: number } | null {
  const total = column.cells.reduce((sum, cells) => sum + cells.length, 0);
  const stride = Math.max(1, Math.floor(total / LOOKED_AT));
  const cellsWith = new Map<string, Set<string>>();
  const seconds = new Set<string>();
  /** Labels that stand in a cell with others. */
  const together = new Set<string>();
  const counts = new Map<string, number>();
  let [looked, several, most, twice, pieces] = [0, 0, 0, 0, 0];
  for (const cells of column.cells) {
    for (let row = 0; row < cells.length; row += stride) {
      const cell = (cells.at(row) ?? '').trim();
      if (cell === '') continue;
      looked++;
      const parts = splitLabels(cell, delimiter);
      if (parts.length > 1) {
        several++;
        for (const part of parts) together.add(part);
        if (parts.length === 2) seconds.add(parts[1] ?? '');
      }
      if (new Set(parts).size < parts.length) twice++;
      most = Math.max(most, parts.length);
      pieces += parts.length;
      for (const part of parts) {
        if (part.length > 40) return null;
        counts.set(part, (counts.get(part) ?? 0) + 1);
        const full = cellsWith.get(part) ?? new Set<string>();
        if (full.size < 2) cellsWith.set(part, full.add(cell));
      }
      if (counts.size > 2000) return null;
    }
  }
  const share = several / Math.max(1, looked);
  if (several < 2 || share < 0.01 || twice > 0.02 * looked) return null;
  const labels = [...counts.keys()];
  if (labels.length < 2 || pieces < 2.5 * labels.length) return null;
  const whole = labels.every((label) => /^\d+$/.test(label));
  if (delimiter === ' ' && !whole && !labels.every((label) => label.startsWith('__label__'))) {
    return null;
  }
  // 3,5 and 4,0 are numbers: always one comma, or one of very few ends.
  if (whole && delimiter === ',' && most === 2 && (share === 1 || seconds.size <= 2)) return null;
  // “Business, Finance” is one name when neither stands in any other cell.
  const shared = [...together].filter((label) => (cellsWith.get(label)?.size ?? 0) > 1).length;
  if (shared < 0.5 * together.size) return null;
  const words = labels.reduce((sum, label) => sum + label.split(/\s+/).length, 0) / labels.length;
  return words > 3 ? null : { labels: labels.length, several: share };
}
