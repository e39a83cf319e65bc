/** A file of names for labels that are numbers: one name a line, or a number and its name. */
import type { Table } from '../types';

const MOST_NAMES = 5000;

/** True of a table that can only be a list of names: short, one column (or a number and a name), no value twice. */
export function looksLikeNames(table: Table): boolean {
  const [first, second] = table.columns;
  if (first === undefined || table.columns.length > 2) return false;
  if (table.rowCount < 2 || table.rowCount > MOST_NAMES) return false;
  const names = second ?? first;
  const seen = new Set<string>();
  let longest = 0;
  for (const cell of names.cells) {
    seen.add(cell.trim());
    longest = Math.max(longest, cell.trim().length);
  }
  if (seen.has('') || seen.size !== table.rowCount || longest > 80) return false;
  if (second === undefined) return true;
  const ids = new Set<string>();
  for (const cell of first.cells) ids.add(cell.trim());
  return ids.size === table.rowCount && [...ids].every((id) => /^\d+$/.test(id));
}

/**
 * Which name each id has.
 * @param ids the labels that there are; whole numbers as texts.
 * @returns null when the file has not a name for every id.
 */
export function namesOf(table: Table, ids: Iterable<string>): Record<string, string> | null {
  const wanted = [...ids].filter((id) => id !== '');
  if (wanted.length === 0 || !wanted.every((id) => /^\d+$/.test(id))) return null;
  const [first, second] = table.columns;
  if (first === undefined) return null;
  const byId = new Map<string, string>();
  if (second !== undefined) {
    for (let row = 0; row < table.rowCount; row++) {
      byId.set(number(first.cells.at(row)), (second.cells.at(row) ?? '').trim());
    }
  } else {
    const names = Array.from(first.cells, (cell) => cell.trim());
    const numbers = wanted.map(Number);
    const needed = Math.max(...numbers) + 1;
    // A list without a header, of which the first name was taken for one.
    if (table.hasHeader && names.length + 1 === needed) names.unshift(first.name);
    const from = names.length === needed - 1 && !numbers.includes(0) ? 1 : 0;
    // A list much longer than the ids is another list.
    if (names.length + from < needed || names.length > 2 * needed) return null;
    names.forEach((name, at) => byId.set(String(at + from), name));
  }
  const found: Record<string, string> = {};
  for (const id of wanted) {
    const name = byId.get(number(id));
    if (name === undefined || name === '') return null;
    found[id] = name;
  }
  return found;
}

function number(cell: string | undefined): string {
  return String(Number((cell ?? '').trim()));
}

export function namesReason(table: Table, labels: number): string {
  return table.columns.length === 2
    ? `a number and a name in each line, for all ${labels} labels`
    : `${table.rowCount} names, one a line, for labels that are numbers (${labels} of them in the data)`;
}
