/**
 * Texts that an encoder takes for the same, with different labels: pairs of rows whose embeddings have a cosine
 * above a threshold. Exact, but never all pairs: rows are put into small boxes along their principal directions,
 * boxes too far apart are skipped together, and a distance is given up as soon as it is too long. On rows of unit
 * length |a - b|² = 2 - 2 cos.
 */
import { ProgressMeter, seededRandom, type Job } from '../../base';
import { stopping, type Matrix } from '../heads';

export interface NearPairSettings {
  /** In (0, 1): pairs below are not looked at. */
  readonly threshold: number;
  /** Pairs that are kept, the nearest. */
  readonly limit: number;
  /** Comparisons at most; then it ends, and says so. */
  readonly budget: number;
}

export const DEFAULT_NEAR: NearPairSettings = { threshold: 0.95, limit: 1000, budget: 4e9 };

export interface NearPair {
  readonly a: number;
  readonly b: number;
  readonly cosine: number;
}

export interface NearPairs {
  /** Nearest first. */
  readonly pairs: readonly NearPair[];
  /** All that were found, kept or not. */
  readonly count: number;
  /** False when the budget ended it. */
  readonly complete: boolean;
}

const PHASE = 'Comparing texts that are alike';
/** Principal directions that boxes are made along. */
const DIRECTIONS = 12;
const SAMPLE = 2000;
const BOX_ROWS = 32;
/** What a full distance costs against a comparison of boxes. */
const FULL_COST = 16;

/**
 * @param features [rows, columns]; a row of zeros is like no other.
 * @param labels rows with the same number have the same label (or labels), [rows].
 * @throws HeadlightError `aborted`.
 */
export async function* nearPairs(
  features: Matrix,
  labels: Int32Array,
  { threshold, limit, budget }: NearPairSettings,
  signal?: AbortSignal,
): Job<NearPairs> {
  const pause = stopping(signal);
  const unit = unitRows(features);
  const reach = 2 - 2 * threshold;
  const places = project(unit, directionsOf(unit));
  const { boxes, rows } = boxesOf(places, unit.rows);
  const kept = new Nearest(limit);
  const meter = new ProgressMeter(PHASE, 'rows', unit.rows);
  yield meter.at(0);
  let work = 0;
  for (const [at, box] of boxes.entries()) {
    for (let next = at; next < boxes.length; next++) {
      const other = boxes[next]!;
      work += 1;
      if (apart(box, other) > reach) continue;
      for (let i = box.from; i < box.to; i++) {
        const a = rows[i]!;
        for (let j = next === at ? i + 1 : other.from; j < other.to; j++) {
          const b = rows[j]!;
          work += 1;
          if (labels[a] === labels[b]) continue;
          if (distance(places.data, DIRECTIONS, a, b, reach) > reach) continue;
          work += FULL_COST;
          const far = distance(unit.data, unit.columns, a, b, reach);
          if (far <= reach) kept.add({ a: Math.min(a, b), b: Math.max(a, b), cosine: 1 - far / 2 });
        }
      }
      if (work > budget) return { ...kept.taken(), complete: false };
    }
    await pause();
    yield meter.at(box.to);
  }
  return { ...kept.taken(), complete: true };
}

/** The nearest pairs so far, and how many there were. */
class Nearest {
  readonly #limit: number;
  #pairs: NearPair[] = [];
  #count = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(pair: NearPair): void {
    this.#count += 1;
    this.#pairs.push(pair);
    if (this.#pairs.length >= 2 * this.#limit + 64) this.#cut();
  }

  taken(): Pick<NearPairs, 'pairs' | 'count'> {
    this.#cut();
    return { pairs: this.#pairs, count: this.#count };
  }

  #cut(): void {
    this.#pairs.sort((x, y) => y.cosine - x.cosine || x.a - y.a || x.b - y.b);
    this.#pairs = this.#pairs.slice(0, this.#limit);
  }
}

/** Rows of length 1, then moved so that their mean is 0: distances stay. Rows of zeros go far away, each elsewhere. */
function unitRows({ rows, columns, data }: Matrix): Matrix {
  const unit = new Float32Array(data.length);
  const mean = new Float64Array(columns);
  const empty: number[] = [];
  for (let row = 0; row < rows; row++) {
    let squares = 0;
    for (let j = 0; j < columns; j++) squares += data[row * columns + j]! ** 2;
    const scale = 1 / Math.sqrt(squares);
    if (!(squares > 0 && Number.isFinite(scale))) {
      empty.push(row);
      continue;
    }
    for (let j = 0; j < columns; j++) {
      const value = data[row * columns + j]! * scale;
      unit[row * columns + j] = value;
      mean[j]! += value;
    }
  }
  const counted = Math.max(1, rows - empty.length);
  for (let row = 0; row < rows; row++)
    for (let j = 0; j < columns; j++) unit[row * columns + j]! -= mean[j]! / counted;
  for (const [at, row] of empty.entries()) unit[row * columns] = 1e4 * (at + 1);
  return { rows, columns, data: unit };
}

/** Orthonormal principal directions of some rows, [directions, columns], by orthogonal iteration. */
function directionsOf({ rows, columns, data }: Matrix): Float64Array[] {
  const random = seededRandom(0);
  const step = Math.max(1, Math.floor(rows / SAMPLE));
  let directions: Float64Array[] = Array.from({ length: DIRECTIONS }, () =>
    Float64Array.from({ length: columns }, () => random.next() - 0.5),
  );
  const shares = new Float64Array(DIRECTIONS);
  for (let round = 0; round < 4; round++) {
    const next = directions.map(() => new Float64Array(columns));
    for (let row = 0; row < rows; row += step) {
      const start = row * columns;
      // What stands far away on purpose is no direction of the texts.
      if (Math.abs(data[start]!) > 100) continue;
      for (let k = 0; k < DIRECTIONS; k++) {
        let sum = 0;
        for (let j = 0; j < columns; j++) sum += data[start + j]! * directions[k]![j]!;
        shares[k] = sum;
      }
      for (let k = 0; k < DIRECTIONS; k++)
        for (let j = 0; j < columns; j++) next[k]![j]! += shares[k]! * data[start + j]!;
    }
    directions = orthonormal(next);
  }
  return directions;
}

/** A direction that is none of its own (fewer columns than directions, rows all alike) becomes zero. */
function orthonormal(vectors: readonly Float64Array[]): Float64Array[] {
  const made: Float64Array[] = [];
  for (const vector of vectors) {
    const own = vector.slice();
    const before = Math.sqrt(dot(own, own));
    for (const other of made) {
      const share = dot(own, other);
      for (let j = 0; j < own.length; j++) own[j]! -= share * other[j]!;
    }
    const length = Math.sqrt(dot(own, own));
    const isOwn = length > 1e-9 * before && length > 0;
    made.push(isOwn ? own.map((value) => value / length) : new Float64Array(own.length));
  }
  return made;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += a[j]! * b[j]!;
  return sum;
}

function project(
  { rows, columns, data }: Matrix,
  directions: readonly Float64Array[],
): { readonly data: Float32Array } {
  const places = new Float32Array(rows * DIRECTIONS);
  for (let row = 0; row < rows; row++)
    for (let k = 0; k < DIRECTIONS; k++) {
      let sum = 0;
      for (let j = 0; j < columns; j++) sum += data[row * columns + j]! * directions[k]![j]!;
      places[row * DIRECTIONS + k] = sum;
    }
  return { data: places };
}

interface Box {
  /** Into the rows in the order of the boxes. */
  readonly from: number;
  readonly to: number;
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** Rows halved along the direction in which they are widest, until few are left. */
function boxesOf(
  { data }: { readonly data: Float32Array },
  count: number,
): { readonly boxes: readonly Box[]; readonly rows: Int32Array } {
  const rows = Int32Array.from({ length: count }, (_, row) => row);
  const boxes: Box[] = [];
  const open: [number, number][] = count === 0 ? [] : [[0, count]];
  for (;;) {
    const range = open.pop();
    if (range === undefined) return { boxes, rows };
    const [from, to] = range;
    const low = new Float64Array(DIRECTIONS).fill(Infinity);
    const high = new Float64Array(DIRECTIONS).fill(-Infinity);
    for (let i = from; i < to; i++)
      for (let k = 0; k < DIRECTIONS; k++) {
        const value = data[rows[i]! * DIRECTIONS + k]!;
        low[k] = Math.min(low[k]!, value);
        high[k] = Math.max(high[k]!, value);
      }
    if (to - from <= BOX_ROWS) {
      boxes.push({ from, to, low, high });
      continue;
    }
    let widest = 0;
    for (let k = 1; k < DIRECTIONS; k++)
      if (high[k]! - low[k]! > high[widest]! - low[widest]!) widest = k;
    rows
      .subarray(from, to)
      .sort((a, b) => data[a * DIRECTIONS + widest]! - data[b * DIRECTIONS + widest]! || a - b);
    const middle = (from + to) >> 1;
    open.push([middle, to], [from, middle]);
  }
}

/** The square of the least distance between two boxes, with a little room for rounding. */
function apart(a: Box, b: Box): number {
  let sum = 0;
  for (let k = 0; k < DIRECTIONS; k++) {
    const gap = Math.max(a.low[k]! - b.high[k]!, b.low[k]! - a.high[k]!, 0);
    sum += gap * gap;
  }
  return sum * (1 - 1e-5);
}

/** The square of the distance of two rows; any larger number once it is above `reach`. */
function distance(
  data: Float32Array,
  columns: number,
  a: number,
  b: number,
  reach: number,
): number {
  let sum = 0;
  for (let j = 0, i = a * columns, k = b * columns; j < columns; j++, i++, k++) {
    const gap = data[i]! - data[k]!;
    sum += gap * gap;
    if ((j & 15) === 15 && sum > reach) return sum;
  }
  return sum;
}
