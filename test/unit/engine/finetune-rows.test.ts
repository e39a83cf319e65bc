/** The rows that a fine-tune holds out of its training part share no text with those that it trains on. */
import { expect, test } from 'vitest';
import { labelTexts, makeSplit, normalText, parseTable } from '../../../src/data';
import { chooseRows } from '../../../src/engine/finetune-data';
import { FINETUNE_DEFAULTS } from '../../../src/learning/finetune';

/** Each text stands three times: as it is, shouted, and with other punctuation. */
function threefold(): string {
  const lines = Array.from({ length: 60 }, (_, i) => [
    `where is parcel number ${i}`,
    `WHERE IS PARCEL NUMBER ${i}`,
    `where is parcel, number ${i}?!`,
  ]);
  return lines.map((texts, i) => texts.map((text) => `"${text}",${i % 3}`).join('\n')).join('\n');
}

test.each([0, 1, 2, 3, 4])('near copies of a text stand on one side (seed %i)', (seed) => {
  const bytes = new TextEncoder().encode(`text,label\n${threefold()}\n`);
  const table = parseTable({ name: 'parcels.csv', bytes });
  const data = labelTexts([table], 'text', 'label');
  const split = makeSplit(data, { method: 'stratified', testShare: 0.2, seed: 0 }, null, [table]);
  const { train, validation } = chooseRows(
    { task: 'classification', tables: [table], data, split, changes: [], audit: [], made: null },
    { ...FINETUNE_DEFAULTS, eval_strategy: 'epoch', validation_share: 0.2, seed },
  );
  const keys = (rows: Int32Array): Set<string> =>
    new Set([...rows].map((row) => normalText(data.texts[row] ?? '')));
  const [learned, held] = [keys(train), keys(validation)];
  expect(held.size).toBeGreaterThan(5);
  expect(learned.size).toBeGreaterThan(20);
  expect([...held].filter((key) => learned.has(key))).toEqual([]);
  // All three of each: none was lost.
  expect(train.length + validation.length).toBe(3 * (learned.size + held.size));
});
