/** The zero-shot teacher's model at the shape of deberta-large-mnli, against transformers (deberta_large.py). */
import { readFileSync } from 'node:fs';
import { finish, ProgressMeter } from '../../src/base';
import { ClassifierSession } from '../../src/engine/classifier-session';
import { hypothesesOf, zeroShotScores } from '../../src/learning/labelling';
import { classifierModel } from '../../src/models';
import type { OnnxRuntime } from '../../src/platform';
import { realCheckpoint, type RealGolden } from '../../test/helpers/real-shape';
import type { BenchTable } from '../report';

interface LargeGolden extends Pick<
  RealGolden,
  'of' | 'config' | 'parameters' | 'count' | 'deviation' | 'classes'
> {
  readonly hypotheses: number;
  readonly pairs: readonly (readonly number[])[];
  readonly logits: readonly (readonly number[])[];
  /** [premises][hypotheses] */
  readonly one: readonly (readonly number[])[];
  readonly several: readonly (readonly number[])[];
}

const FILE = new URL('../../test/reference/labelling/deberta-large.json', import.meta.url);
const [CONTRADICTION, ENTAILMENT] = [0, 2];

export async function largeTable(runtime: OnnxRuntime): Promise<BenchTable> {
  const golden = JSON.parse(readFileSync(FILE, 'utf8')) as LargeGolden;
  const started = performance.now();
  const checkpoint = realCheckpoint({ ...golden, padded: EMPTY, alone: { ...EMPTY, logits: [] } });
  const config = new TextEncoder().encode(JSON.stringify(golden.config));
  const graph = classifierModel(
    { config, weights: { kind: 'checkpoint', checkpoint } },
    { task: 'text', head: 'stock', classes: golden.classes },
    'cpu',
  );
  const session = await ClassifierSession.open(runtime, graph, 0, { device: 'cpu' });
  const opened = performance.now();
  const logits: number[][] = [];
  const meter = new ProgressMeter('Asking', 'pairs', golden.pairs.length);
  try {
    await finish(
      session.run({
        sequences: golden.pairs.map((ids) => ({ ids, types: null })),
        batches: { tokenBudget: 1024, maxBatch: 32, multipleOf: 1 },
        width: () => golden.classes,
        take: (index, row) => (logits[index] = [...row]),
        progress: (done) => meter.at(done),
      }),
    );
  } finally {
    await session.close();
  }
  const seconds = (performance.now() - opened) / 1000;
  const labels = Array.from({ length: golden.hypotheses }, (_, at) => `label ${at}`);
  const asked = hypothesesOf(
    labels.map((name) => ({ name, description: '' })),
    ['{}'],
  );
  const scoresOf = (several: boolean): number[][] =>
    golden.one.map((_, premise) => {
      const own = logits.slice(premise * golden.hypotheses, (premise + 1) * golden.hypotheses);
      const column = (id: number): number[] => own.map((row) => row[id] ?? NaN);
      const pair = { entailment: column(ENTAILMENT), contradiction: column(CONTRADICTION) };
      return [...zeroShotScores(pair, asked, several)];
    });
  return {
    title: 'The shape of deberta-large-mnli against transformers, Node CPU',
    method: `${golden.count.toLocaleString('en')} weights, the same bits on both sides; ${golden.pairs.length} pairs of ${Math.min(...golden.pairs.map((ids) => ids.length))} to ${Math.max(...golden.pairs.map((ids) => ids.length))} tokens, padded together. Largest difference.`,
    columns: ['of', 'logits', 'scores, one label', 'scores, several', 's to open', 's a pair'],
    rows: [
      [
        golden.of,
        apart(logits, golden.logits),
        apart(scoresOf(false), golden.one),
        apart(scoresOf(true), golden.several),
        (opened - started) / 1000,
        seconds / golden.pairs.length,
      ],
    ],
  };
}

const EMPTY = { stride: 1, input_ids: [], mask: [], states: [] };

function apart(
  found: readonly (readonly number[])[],
  expected: readonly (readonly number[])[],
): string {
  const all = expected.flatMap((row, r) =>
    row.map((value, k) => Math.abs(value - (found[r]?.[k] ?? NaN))),
  );
  return Math.max(...all).toExponential(1);
}
