/** Probe fit time beside scikit-learn's, as a table; the measuring is in `probe-fit.ts`. */
import type { BenchResult } from '../report';
import { probeFitBench } from './probe-fit';

export async function bench(): Promise<BenchResult> {
  const results = await probeFitBench([1, 10, 'cv']);
  return {
    name: 'probe',
    tables: [
      {
        title: 'Fitting a probe',
        method:
          'Logistic regression on 384 features, one thread of ONNX Runtime in Node, beside scikit-learn on the same float32 features with its default threads and tolerance; one fit each, in turn. C = cv: five folds over five values, and the refit.',
        columns: [
          'features',
          'rows',
          'classes',
          'C',
          'Headlight, s',
          'scikit-learn, s',
          'ratio',
          'same predictions',
        ],
        rows: results.map(({ name, rows, classes, C, chosenC, seconds, sklearn }) => [
          name,
          rows,
          classes,
          C === 'cv' ? `cv → ${chosenC}` : C,
          seconds,
          sklearn?.seconds ?? null,
          sklearn === null ? null : seconds / sklearn.seconds,
          sklearn === null ? null : `${(100 * sklearn.agreement).toFixed(2)} %`,
        ]),
      },
    ],
  };
}
