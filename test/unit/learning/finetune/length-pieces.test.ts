import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../../src/base';
import { bucketFor } from '../../../../src/learning/finetune/batches';
import {
  longest,
  piecesOf,
  rowsOfPiece,
  type PieceShape,
} from '../../../../src/learning/finetune/pieces';
import { TRAINER_DEFAULTS, type Example } from '../../../../src/learning/finetune';
import { TrainingSet } from '../../../../src/learning/finetune/training-set';
import { smallModel, smallTexts } from './small-model';

const BUCKETS = [16, 32, 64, 128];
const padded = (length: number): number => bucketFor(length, BUCKETS);

const texts = (lengths: readonly number[]): Example[] =>
  lengths.map((length, row) => ({
    ids: Array.from({ length }, () => row),
    types: null,
    target: 0,
  }));

const random = seededRandom(3);
/** Most of them short, as texts are. */
const BATCH = texts(Array.from({ length: 32 }, () => 1 + Math.floor(127 * random.next() ** 3)));

describe('the pieces of a batch', () => {
  const shape = (device: PieceShape['device'], rowsPerUnit = 1): PieceShape => ({
    device,
    batchRows: 32,
    rowsPerUnit,
  });

  test.each(['webgpu', 'cuda'] as const)('on %s it is whole, in its order', (device) => {
    expect(piecesOf(shape(device), BATCH, padded)).toEqual([BATCH]);
    expect(rowsOfPiece(shape(device), 128)).toBe(32);
  });

  test('what fits at once stays in its order', () => {
    const short = BATCH.map((example) => ({ ...example, ids: example.ids.slice(0, 32) }));
    expect(piecesOf(shape('cpu'), short, padded)).toEqual([short]);
  });

  test.each([1, 2])(
    '%i rows together: each row once, none too many, longest first',
    (rowsPerUnit) => {
      const one = shape('wasm', rowsPerUnit);
      const pieces = piecesOf(one, BATCH, padded);
      const rows = pieces.flat().map(({ ids }) => ids[0]!);
      expect([...rows].sort((a, b) => a - b)).toEqual(BATCH.map((_, row) => row));
      for (let at = 0; at < rows.length; at += rowsPerUnit)
        for (let i = 1; i < rowsPerUnit; i++) expect(rows[at + i]).toBe(rows[at]! + i);
      const lengths = pieces.map(longest);
      expect(lengths).toEqual([...lengths].sort((a, b) => b - a));
      let computed = 0;
      for (const piece of pieces) {
        const tokens = padded(longest(piece));
        expect(piece.length).toBeLessThanOrEqual(rowsOfPiece(one, tokens));
        expect(rowsOfPiece(one, tokens) * tokens).toBeLessThanOrEqual(1024);
        computed += rowsOfPiece(one, tokens) * tokens;
      }
      // In its order every piece would be as long as the longest text.
      expect(computed).toBeLessThan(0.8 * 32 * 128);
    },
  );

  test('a single text that is longer than a piece is one', () => {
    const long = texts([3000, 2000]);
    const one: PieceShape = { device: 'cpu', batchRows: 2, rowsPerUnit: 1 };
    expect(piecesOf(one, long, (length) => length).map(({ length }) => length)).toEqual([1, 1]);
    expect(rowsOfPiece(one, 3000)).toBe(1);
  });
});

describe('the pieces of a training', () => {
  const setOf = (batch: number, accumulate: number): TrainingSet =>
    new TrainingSet({
      model: smallModel(),
      data: { train: smallTexts(400, 1), validation: [], padId: 0, classes: ['a', 'b', 'c'] },
      settings: {
        ...TRAINER_DEFAULTS,
        per_device_train_batch_size: batch,
        gradient_accumulation_steps: accumulate,
        num_train_epochs: 1,
      },
      loss: { name: 'cross_entropy', classWeights: null },
      device: 'cpu',
    });

  test('each draws dropout of its own', () => {
    const set = setOf(200, 1);
    const places = [0, 1].flatMap((step) => set.ofStep(step).map(({ place }) => place));
    expect(places.length).toBeGreaterThan(3);
    expect(new Set(places).size).toBe(places.length);
  });

  test('are counted for a step, of all the batches that it adds up', () => {
    const sum = (set: TrainingSet): number =>
      [...set.piecesPerStep().values()].reduce((all, count) => all + count, 0);
    expect(sum(setOf(8, 1))).toBeCloseTo(1, 10);
    // 50 batches in 17 steps.
    expect(sum(setOf(8, 3))).toBeCloseTo(50 / 17, 10);
    const large = setOf(200, 1);
    const pieces = [0, 1].map((step) => large.ofStep(step).length);
    expect(sum(large)).toBeCloseTo((pieces[0]! + pieces[1]!) / 2, 10);
  });
});
