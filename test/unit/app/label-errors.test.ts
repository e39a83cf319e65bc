/** Likely wrong labels in the page: a stroke is of the row that stands there, also while pages turn. */
import { expect, it } from 'vitest';
import { Encoders } from '../../../src/app/state/encoders.svelte';
import { ERROR_ROWS, LabelErrors } from '../../../src/app/state/label-errors.svelte';
import { finish } from '../../../src/base';
import type {
  LabelErrorPage,
  LabelErrorQuery,
  LabelErrorRow,
  LabelErrorsView,
  RowPlace,
} from '../../../src/engine';
import { FakeEngine } from '../../helpers/fake-engine';

const ROWS = 20;

/** Twenty rows that are likely wrong, and what was said of them. */
class Judged extends FakeEngine {
  readonly looked: number[] = [];

  override labelErrorRows(
    _project?: string,
    { from, count }: Pick<LabelErrorQuery, 'from' | 'count'> = { from: 0, count: ERROR_ROWS },
  ): Promise<LabelErrorPage> {
    const open = Array.from({ length: ROWS }, (_, row) => row).filter(
      (row) => !this.looked.includes(row),
    );
    return Promise.resolve({
      total: open.length,
      rows: open.slice(from, from + count).map(rowOf),
    });
  }

  override keepLabels(_project?: string, rows: readonly RowPlace[] = []): Promise<void> {
    this.looked.push(...rows.map(({ row }) => row));
    return Promise.resolve();
  }

  override lastLabelErrors(): Promise<LabelErrorsView | null> {
    return Promise.resolve(null);
  }
}

function rowOf(row: number): LabelErrorRow {
  return {
    origin: { file: 'a.csv', row, line: row + 2 },
    text: `text ${row}`,
    given: ['a'],
    labels: ['a'],
    part: 'train',
    state: 'open',
    suggested: ['b'],
    probability: 0.9,
    given_probability: 0.1,
  };
}

it('lets no quick stroke fall on the last row again while the next page is read', async () => {
  const engine = new Judged();
  const view = await finish(
    engine.createProject([{ name: 'a.csv', bytes: new TextEncoder().encode('text,label\nx,a\n') }]),
  );
  const errors = new LabelErrors(
    engine,
    new Encoders(engine),
    view.id,
    () => view,
    () => undefined,
  );
  await errors.turnTo(0);
  for (let row = 0; row < ERROR_ROWS; row++) errors.keep();
  // Before the next page is there.
  errors.keep();
  errors.mend(['b']);
  await expect.poll(() => errors.current?.origin.row).toBe(ERROR_ROWS);
  expect(engine.looked).toEqual(Array.from({ length: ERROR_ROWS }, (_, row) => row));
  errors.keep();
  await errors.mends.settled;
  expect(engine.looked.at(-1)).toBe(ERROR_ROWS);
});
