import { describe, expect, it } from 'vitest';
import { LivePrediction } from '../../../src/app/state/predict.svelte';
import { Rows, ROWS_A_PAGE } from '../../../src/app/state/rows.svelte';
import { confusions } from '../../../src/app/steps/report/confusions';
import { FakeEngine } from '../../helpers/fake-engine';

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Answers each text with its own name, the first ones slowly. */
class Slow extends FakeEngine {
  override async predictTexts(_project: string, _run: string, texts: readonly string[]) {
    this.asked.push(...texts);
    await pause(this.asked.length === 1 ? 200 : 5);
    return {
      classes: [texts[0] ?? ''],
      probabilities: [[1]],
      thresholds: null,
      milliseconds: 1,
      words: null,
    };
  }
}

describe('live prediction', () => {
  it('asks once typing pauses, not at each letter', async () => {
    const engine = new Slow();
    const live = new LivePrediction(engine, 'p');
    for (const text of ['p', 'pa', 'par', 'parcel']) live.type('r', text);
    await pause(450);
    expect(engine.asked).toEqual(['parcel']);
    expect(live.predictions?.classes).toEqual(['parcel']);
  });

  it('drops an answer to a text that is no longer there', async () => {
    const engine = new Slow();
    const live = new LivePrediction(engine, 'p');
    live.type('r', 'first');
    await pause(160);
    live.type('r', 'second');
    await pause(500);
    expect(engine.asked).toEqual(['first', 'second']);
    expect(live.predictions?.classes).toEqual(['second']);
    expect(live.waiting).toBe(false);
  });

  it('an emptied field shows nothing, even when an answer is still under way', async () => {
    const engine = new Slow();
    const live = new LivePrediction(engine, 'p');
    live.type('r', 'first');
    await pause(160);
    live.type('r', '');
    await pause(300);
    expect(live.predictions).toBeNull();
    expect(live.waiting).toBe(false);
  });
});

describe('the rows of a cell', () => {
  it('an answer to an earlier question never replaces a later one’s', async () => {
    let answer: (total: number) => void = () => undefined;
    class Held extends FakeEngine {
      override async runRows(_p: string, _r: string, query: { offset: number }) {
        const total = await new Promise<number>((resolve) => {
          if (query.offset === 0) answer = resolve;
          else resolve(2);
        });
        return { total, rows: [] };
      }
    }
    const rows = new Rows(new Held(), 'p');
    const first = rows.open('r', { actual: 0, predicted: 1 });
    const second = rows.turn(ROWS_A_PAGE);
    await second;
    answer(1);
    await first;
    expect(rows.page?.total).toBe(2);
  });
});

describe('confusions', () => {
  it('are the cells off the diagonal that hold rows, the most frequent first', () => {
    const matrix = [
      [8, 2, 0],
      [0, 5, 5],
      [1, 0, 9],
    ];
    expect(
      confusions(matrix).map(({ actual, predicted, rows }) => [actual, predicted, rows]),
    ).toEqual([
      [1, 2, 5],
      [0, 1, 2],
      [2, 0, 1],
    ]);
    expect(confusions(matrix)[0]?.share).toBe(0.5);
  });
});
