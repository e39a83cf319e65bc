/** What a run is held against, with one figure of the same test rows: other runs and what is trivially possible. */
import { classFigures, multiLabelFigures, sameAnswerBaseline, type RunView } from '../../../engine';
import type { BaselineFigures } from '../../../project';
import { interval, percent, score } from '../../state/format';
import { encoderName, runName } from './names';

export interface Compared {
  readonly key: string;
  readonly name: string;
  readonly what: string;
  /** Between 0 and 1. */
  readonly value: number;
  /** 95 %; null where there is none. */
  readonly interval: readonly [number, number] | null;
}

export interface Comparison {
  /** The figure that is compared. */
  readonly figure: string;
  /** How its interval is made. */
  readonly method: string;
  readonly rows: readonly Compared[];
  /** Whether the encoder is worth its cost; empty without baselines. */
  readonly verdict: string;
  readonly said: (value: number) => string;
  readonly saidInterval: (interval: readonly [number, number]) => string;
}

const BASELINES = [
  ['tfidf_logistic', 'Words alone', 'TF-IDF and logistic regression'],
  ['k_nearest', 'Nearest neighbours', 'same encoder, nothing fitted'],
  ['nearest_centroid', 'Nearest centroid', 'same encoder, mean of each class'],
] as const;

/**
 * @param instant the first look on the same rows; null without. Beside a probe of the same encoder it says nothing
 * new: the table of runs has both.
 */
export function comparisonOf(run: RunView, instant: RunView | null): Comparison {
  const { baselines } = run.record;
  const several = multiLabelFigures(run.record) !== null;
  const row = (
    key: string,
    name: string,
    what: string,
    test: BaselineFigures['test'],
  ): Compared => ({ key, name, what, ...figureOf(test) });
  const ofRun = (key: string, one: RunView, name: string, what: string): Compared =>
    row(key, name, what, testOf(one));
  return {
    figure: several ? 'Micro-F1' : 'Accuracy',
    method: several ? 'bootstrap' : 'Wilson',
    rows: [
      ofRun(
        'run',
        run,
        run.record.method === 'probe' ? encoderName(run) : runName(run),
        'this report',
      ),
      ...teacherOf(run),
      ...(instant === null || isSameProbe(run, instant)
        ? []
        : [ofRun('instant', instant, encoderName(instant), 'instant encoder, first look')]),
      ...BASELINES.flatMap(([key, name, what]) => {
        const found = baselines?.[key] ?? null;
        return found === null ? [] : [row(key, name, what, found.test)];
      }),
      trivial(run),
    ],
    verdict: baselines?.verdict ?? '',
    said: several ? (value) => score(value) : (value) => percent(value),
    saidInterval: several
      ? ([low, high]) => `${score(low)}–${score(high)}`
      : (ends) => interval(ends),
  };
}

/** Of made labels with a truth: who taught it, on the same rows. */
function teacherOf({ record: { teacher } }: RunView): Compared[] {
  if (teacher === undefined) return [];
  const { teachers, value, interval: ends } = teacher;
  const name = teachers.length === 1 ? 'Its teacher' : 'Its teachers together';
  return [{ key: 'teacher', name, what: teachers.join(', '), value, interval: ends }];
}

function isSameProbe(run: RunView, instant: RunView): boolean {
  return run.record.method === 'probe' && encoderName(run) === encoderName(instant);
}

function testOf({ record }: RunView): BaselineFigures['test'] {
  return multiLabelFigures(record)?.test ?? classFigures(record).test;
}

function figureOf(test: BaselineFigures['test']): Pick<Compared, 'value' | 'interval'> {
  return 'accuracy' in test
    ? { value: test.accuracy, interval: test.accuracy_interval }
    : { value: test.micro.f1_score, interval: test.micro_f1_interval ?? null };
}

/** What needs no text: always the same answer. */
function trivial({ record }: RunView): Compared {
  const several = multiLabelFigures(record);
  if (several !== null) {
    const { labels, micro } = sameAnswerBaseline(several.train, several.test);
    const [first = 'no label', ...more] = labels;
    return {
      key: 'majority',
      name: `Always “${first}”${more.length === 0 ? '' : ` and ${more.length} more`}`,
      what: 'the same labels for every text',
      value: micro.f1_score,
      interval: null,
    };
  }
  const { baseline } = classFigures(record);
  return {
    key: 'majority',
    name: `Always “${baseline.label}”`,
    what: 'the most frequent class',
    ...figureOf(baseline.test),
  };
}
