/** Columns beside text and label: which part a row belongs to, and what it is called. */
import { normalName } from '../header';
import type { Finding, Part, SplitFinding } from '../types';
import type { Traits } from './traits';
import { different } from './text';

/** Names of the parts, as files and columns have them. */
const PARTS: readonly (readonly [RegExp, Part])[] = [
  [
    /^(train|training|trn|train(ing)?[_ -]?set|entrenamiento|entraînement|entrainement|trainieren|обучение|训练|訓練|학습)$/,
    'train',
  ],
  [
    /^(val|valid|validation|dev|devel|development|eval|tune|validación|validierung|валидация|验证|検証|검증)$/,
    'validation',
  ],
  [
    /^(test|testing|tst|holdout|held[_ -]?out|test[_ -]?set|prueba|тест|测试|評価|テスト|테스트)$/,
    'test',
  ],
  [/^(unused|none|ignore|excluded)$/, 'unused'],
];

/** The part that a value or a file is named after; null when none. */
export function partOf(value: string): Part | null {
  const name = value.trim().toLowerCase();
  return PARTS.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

/** `train.csv`, `my_test.tsv`, `sst2-dev.csv`, `test_5000.csv`. */
export function partOfFile(file: string): Part | null {
  const name = file.replace(/\.[^.]*$/, '');
  const words = name.split(/[^\p{L}]+/u).filter((word) => word !== '');
  const parts = new Set(words.map(partOf).filter((part) => part !== null));
  const [part] = parts;
  return parts.size === 1 && part !== undefined && part !== 'unused' ? part : null;
}

export function isPartColumn(column: Traits): boolean {
  if (!column.complete || column.distinct === 0 || column.distinct > 6) return false;
  return [...column.values.keys()].every((value) => partOf(value) !== null);
}

/** A column of the parts’ names, at least two of them. */
export function findSplit(columns: readonly Traits[]): SplitFinding | null {
  const found = columns.filter((column) => isPartColumn(column) && column.distinct >= 2);
  const usable = found.filter((column) => {
    const parts = new Set([...column.values.keys()].map(partOf));
    return parts.has('train') && (parts.has('test') || parts.has('validation'));
  });
  const [column, ...others] = usable;
  if (column === undefined) return null;
  const named = [...column.values].map(([value, rows]) => ({
    value,
    rows,
    part: partOf(value) ?? 'unused',
  }));
  const noTest = !named.some(({ part }) => part === 'test');
  const parts: Record<string, Part> = {};
  // Without a test part the validation part is what can be tested on.
  for (const { value, part } of named) {
    parts[value] = noTest && part === 'validation' ? 'test' : part;
  }
  const list = named.map(({ value, rows }) => `“${value}” ${rows}`).join(', ');
  return {
    column: column.name,
    parts,
    reason: `its values name the parts: ${list} rows${noTest ? '; without a test part, the validation part is the test' : ''}`,
    ...(others.length === 0
      ? {}
      : {
          alternatives: others
            .slice(0, 3)
            .map(({ name }) => ({ column: name, reason: 'its values name parts too' })),
        }),
  };
}

const ID_NAMES =
  /^(.*[_ ])?(id|ids|uid|uuid|guid|idx|index|key|nr|no|number|author|user|username|thread|conversation|session|patient|document_id|номер|编号|序号|番号|번호|المعرف)$/;

/** Columns that say which thing a row belongs to: all different, or the same for rows that belong together. */
export function findIds(columns: readonly Traits[]): Finding[] {
  const found: { column: Traits; score: number; reason: string }[] = [];
  for (const column of columns) {
    const { filled, distinct } = column;
    if (filled < 2 || column.empty > 0.01 * filled || column.spaced > 0.05) continue;
    if (column.meanLength > 64 || column.fractional > 0.05 || isPartColumn(column)) continue;
    const named = ID_NAMES.test(normalName(column.name)) || /[a-z]Id$/.test(column.name);
    if (distinct === filled || (distinct > 0.999 * filled && filled > 1000)) {
      found.push({
        column,
        score: named ? 3 : 2,
        reason: `one word or number each, ${different(column)}${named ? ', name says id' : ''}`,
      });
    } else if (named && distinct >= 2 && distinct > 0.01 * filled) {
      const each = (filled / distinct).toFixed(1);
      found.push({
        column,
        score: 1,
        reason: `name says id, ${each} rows of each on average: rows of one can be kept in one part`,
      });
    }
  }
  found.sort((a, b) => b.score - a.score || a.column.index - b.column.index);
  return found.map(({ column, reason }) => ({ column: column.name, reason }));
}
