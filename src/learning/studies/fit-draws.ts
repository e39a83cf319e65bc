/** The frame of every study: one fit after another on draws of the same rows, with one measure of progress. */
import { ProgressMeter, type Job } from '../../base';
import type { HeadSettings, MultiLabelContext } from '../heads';
import { fitRows, type FittedRows } from './fit-rows';
import type { Scorer, StudyRows } from './types';

/** Rows to learn from and rows to predict, as indices. */
export interface Draw {
  readonly seed: number;
  readonly train: Int32Array;
  readonly test: Int32Array;
}

export interface Study {
  /** What progress calls it. */
  readonly phase: string;
  readonly train: StudyRows;
  /** May be the same as `train`. */
  readonly test: StudyRows;
  readonly classes: readonly string[];
  readonly head: HeadSettings;
  readonly score: Scorer;
  readonly context: MultiLabelContext;
}

/**
 * @param taken is given each fit as it is made, so that its probabilities need not all be kept.
 * @returns seconds that it took.
 * @throws HeadlightError as `fitHead`.
 */
export async function* fitDraws<Kind extends Draw>(
  { phase, train, test, classes, head, score, context }: Study,
  draws: readonly Kind[],
  taken: (draw: Kind, fitted: FittedRows) => void,
  signal?: AbortSignal,
): Job<number> {
  const started = performance.now();
  const total = draws.reduce((sum, draw) => sum + draw.train.length, 0);
  const meter = new ProgressMeter(phase, 'rows', total);
  yield meter.at(0);
  let done = 0;
  for (const draw of draws) {
    const job = fitRows(
      {
        train,
        trainRows: draw.train,
        test,
        testRows: draw.test,
        classes,
        settings: head,
        seed: draw.seed,
        score,
        context,
      },
      signal,
    );
    let step = await job.next();
    while (!step.done) {
      yield meter.at(done + Math.floor(step.value * draw.train.length));
      step = await job.next();
    }
    done += draw.train.length;
    taken(draw, step.value);
    yield meter.at(done);
  }
  return (performance.now() - started) / 1000;
}
