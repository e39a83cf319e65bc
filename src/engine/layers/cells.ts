/**
 * What is computed on the features of one cell: its probes, those on random labels and those of its code all in one fit,
 * which then decomposes the features once; and its rankings, without any.
 */
import { HeadlightError, type Job } from '../../base';
import type { HeadContext, Matrix } from '../../learning/heads';
import {
  controlRequest,
  fitCell,
  onlineBlocks,
  onlineCode,
  onlineCs,
  onlineOrder,
  onlineRequests,
  rankLayer,
  type ProbeFamily,
  type ProbeFit,
  type ProbeRequest,
} from '../../learning/probing';
import type { LayerStudySettings } from '../layer-types';
import type { PartValue } from './schema';
import type { ModelRows } from './study-rows';

type Fitted = Pick<
  PartValue<'cell'>,
  'train' | 'validation' | 'test' | 'control' | 'unconverged' | 'probes'
> & { readonly C: (number | null)[] };

/** A probe a draw, and one on its random labels where there are any. */
export async function* fitDraws(
  features: Matrix,
  rows: ModelRows,
  family: ProbeFamily,
  context: HeadContext,
  signal?: AbortSignal,
): Job<Fitted> {
  const requests = drawRequests(rows, family);
  return readDraws(rows, yield* fitCell(features, requests, context, signal));
}

type Asked = Pick<LayerStudySettings, 'family' | 'descriptionLength' | 'rankings'>;

export async function* computeCell(
  features: Matrix,
  rows: ModelRows,
  asked: Asked,
  context: HeadContext,
  signal?: AbortSignal,
): Job<PartValue<'cell'>> {
  const { family } = asked;
  const own = drawRequests(rows, family);
  const codes = asked.descriptionLength
    ? rows.draws.map((_, at) => codeOf(features, rows, at, family))
    : [];
  const requests = [...own, ...codes.flatMap((code) => code.requests)];
  const fits = yield* fitCell(features, requests, context, signal);
  const ranked = asked.rankings ? await rankings(features, rows, signal) : null;
  return {
    ...readDraws(rows, fits.slice(0, own.length)),
    code: readCodes(rows, codes, fits.slice(own.length)),
    logme: ranked?.logme ?? null,
    hScore: ranked?.hScore ?? null,
  };
}

// ------------------------------------------------------------------------------------------ the draws

function drawRequests(rows: ModelRows, family: ProbeFamily): readonly ProbeRequest[] {
  const own = rows.draws.map((draw, at): ProbeRequest => ({
    name: `draw ${at}`,
    labels: rows.labels,
    classes: rows.classes,
    rows: draw,
    family,
    seed: rows.seeds[at] ?? 0,
  }));
  const control = own.flatMap((request, at) => {
    const labels = rows.control?.[at];
    return labels === undefined ? [] : [controlRequest(request, labels)];
  });
  return [...own, ...control];
}

/** @param fits of `drawRequests`, in their order. */
function readDraws({ draws, control }: ModelRows, fits: readonly ProbeFit[]): Fitted {
  const mine = fits.slice(0, draws.length);
  const others = fits.slice(draws.length);
  return {
    train: mine.map(({ accuracy }) => accuracy.train),
    validation: mine.map(({ accuracy }) => defined(accuracy.validation)),
    test: mine.map(({ accuracy }) => defined(accuracy.test)),
    C: mine.map(({ C }) => C),
    control: control === null ? null : others.map(({ accuracy }) => defined(accuracy.test)),
    unconverged: fits.filter(({ converged }) => !converged).length,
    probes: fits.length,
  };
}

function drawOf({ draws }: ModelRows, draw: number): ModelRows['draws'][number] {
  const rows = draws[draw];
  if (rows === undefined) throw new HeadlightError('internal', `a study without draw ${draw}`);
  return rows;
}

export function defined(share: number | null): number {
  if (share === null) throw new HeadlightError('internal', 'a probe without a part of its rows');
  return share;
}

// ------------------------------------------------------------------------------------------- the codes

interface PlannedCode {
  readonly requests: readonly ProbeRequest[];
  readonly blocks: readonly number[];
}

function codeOf(features: Matrix, rows: ModelRows, draw: number, family: ProbeFamily): PlannedCode {
  const { train, validation } = drawOf(rows, draw);
  const seed = rows.seeds[draw] ?? 0;
  const order = onlineOrder(train, seed);
  const { labels, classes } = rows;
  const name = `code, draw ${draw}`;
  const Cs = onlineCs(features, order);
  return {
    requests: onlineRequests(labels, classes, order, validation, family, seed, name, Cs),
    blocks: onlineBlocks(order.length),
  };
}

/** @param fits of all codes, one after the other. */
function readCodes(
  { classes }: ModelRows,
  codes: readonly PlannedCode[],
  fits: readonly ProbeFit[],
): PartValue<'cell'>['code'] {
  let first = 0;
  const lengths = codes.map(({ requests, blocks }) => {
    const own = fits.slice(first, first + requests.length);
    first += requests.length;
    return onlineCode(own, blocks, classes);
  });
  const known = lengths[0];
  if (known === undefined) return null;
  // A draw of a row more may have a first block that the others lack: counted from the last, what is more is the first's.
  const means = known.blocks.map(() => 0);
  for (const { blocks: own } of lengths)
    own.forEach(({ bits }, at) => {
      const place = Math.max(0, at + means.length - own.length);
      means[place] = (means[place] ?? 0) + bits / lengths.length;
    });
  return {
    bits: lengths.map(({ bits }) => bits),
    uniformBits: lengths.map(({ uniformBits }) => uniformBits),
    referenceBits: lengths.map(({ referenceBits }) => referenceBits),
    blocks: known.blocks.map(({ rows }, at) => ({ rows, bits: means[at] ?? 0 })),
  };
}

// ---------------------------------------------------------------------------------------- the rankings

/** Without training and without the test rows: of all that the first draw learns and chooses from. */
async function rankings(
  features: Matrix,
  rows: ModelRows,
  signal?: AbortSignal,
): Promise<{ readonly logme: number; readonly hScore: number }> {
  const { train, validation } = drawOf(rows, 0);
  const taken = Int32Array.from([...train, ...validation]).sort();
  const matrix = pickRows(features, taken);
  const labels = taken.map((row) => rows.labels[row] ?? 0);
  const { logme, hScore } = await rankLayer(matrix, labels, rows.classes, signal);
  return { logme, hScore: hScore.shrunk };
}

export function pickRows({ columns, data }: Matrix, rows: Int32Array): Matrix {
  const picked = new Float32Array(rows.length * columns);
  rows.forEach((row, at) => {
    picked.set(data.subarray(row * columns, (row + 1) * columns), at * columns);
  });
  return { rows: rows.length, columns, data: picked };
}
