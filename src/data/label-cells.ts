/** What a cell of labels says: a nought or a one, or several labels divided by a sign. */

const YES = /^(1|1\.0+|true|t|yes|y|x|ja|oui|sí|si|да|是|はい|✓|✔)$/i;
const NO = /^(0|0\.0+|false|f|no|n|nein|non|нет|否|いいえ|✗|✘)$/i;

/** 1 or 0 as people write them; null of anything else. */
export function binaryValue(cell: string): 0 | 1 | null {
  if (cell === '1') return 1;
  if (cell === '0') return 0;
  if (YES.test(cell)) return 1;
  return NO.test(cell) ? 0 : null;
}

/**
 * The labels of a cell, trimmed, without quotes, without the brackets of a list around them all; none twice
 * is made sure of by the caller. `[]` has none. fastText's `__label__` stays.
 */
export function splitLabels(cell: string, delimiter: string): string[] {
  let inner = cell.trim();
  const list = inner.startsWith('[') ? jsonList(inner) : null;
  if (list !== null) return list;
  if (/^\[.*\]$|^\{.*\}$|^\(.*\)$/s.test(inner)) inner = inner.slice(1, -1);
  if (inner.trim() === '') return [];
  const parts = delimiter === ' ' ? inner.split(/\s+/) : inner.split(delimiter);
  const labels: string[] = [];
  for (const part of parts) {
    const label = part
      .trim()
      .replace(/^(["'])(.*)\1$/s, '$2')
      .trim();
    if (label !== '') labels.push(label);
  }
  return labels;
}

/** The labels of a JSON list of texts and numbers; null of anything else. */
function jsonList(cell: string): string[] | null {
  let list: unknown;
  try {
    list = JSON.parse(cell);
  } catch {
    // Python writes lists with single quotes: no JSON, but read by its commas.
    return null;
  }
  if (!Array.isArray(list)) return null;
  if (!list.every((item) => typeof item === 'string' || typeof item === 'number')) return null;
  return list.map((item) => String(item).trim()).filter((item) => item !== '');
}
